#include "image/region_sampler.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "vectorised.hpp"

namespace locus::image {
namespace {

constexpr int taps_at_once = 2;

/// A pair of taps reaches so far beyond the last pixel of a row: one pixel of weight 0, and two floats.
constexpr std::size_t floats_to_spare = 5;

/// out[i] = sum of weights[k] * value i of source row k, `known` rows in one pass; added to what is there, if asked.
template <int known, bool adds>
LOCUS_INLINED void mix_known_rows(const std::uint8_t* source, std::size_t stride, const float* weights, float* out,
                                  std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        float sum = adds ? out[i] : 0;
        for (int k = 0; k < known; ++k)
            sum += weights[k] * static_cast<float>(source[static_cast<std::size_t>(k) * stride + i]);
        out[i] = sum;
    }
}

/// out[i] = sum over the taps of weight * source row's value i.
LOCUS_VECTORISED
void mix_rows(const std::uint8_t* source, std::size_t stride, const float* weights, int rows, float* out,
              std::size_t count) {
    switch (rows) {
        case 1:
            return mix_known_rows<1, false>(source, stride, weights, out, count);
        case 2:
            return mix_known_rows<2, false>(source, stride, weights, out, count);
        case 3:
            return mix_known_rows<3, false>(source, stride, weights, out, count);
        default:
            break;
    }
    constexpr int at_once = 4;
    mix_known_rows<at_once, false>(source, stride, weights, out, count);
    int row = at_once;
    for (; row + at_once <= rows; row += at_once)
        mix_known_rows<at_once, true>(source + static_cast<std::size_t>(row) * stride, stride, weights + row, out,
                                      count);
    for (; row < rows; ++row)
        mix_known_rows<1, true>(source + static_cast<std::size_t>(row) * stride, stride, weights + row, out, count);
}

/// The same taps, all as many as the most: the added ones weigh nothing, and loops over them have one length.
Resampling evened(const Resampling& columns) {
    int count = 0;
    for (const Taps& taps : columns.taps) count = std::max(count, taps.count);
    const int begin = columns.begin();
    const int last_start = std::max(begin, columns.end() - count);
    count = std::min(count, columns.end() - begin);
    Resampling even;
    even.taps.reserve(columns.taps.size());
    even.weights.assign(columns.taps.size() * static_cast<std::size_t>(count), 0.0F);
    for (const Taps& taps : columns.taps) {
        const int first = std::min(taps.first, last_start);
        const auto start = even.taps.size() * static_cast<std::size_t>(count);
        even.taps.push_back({first, count, static_cast<int>(start)});
        std::copy_n(columns.weights.data() + taps.weights, taps.count,
                    even.weights.data() + start + static_cast<std::size_t>(taps.first - first));
    }
    return even;
}

PairedTaps paired(const Resampling& even) {
    PairedTaps result;
    result.pairs = (even.taps.front().count + taps_at_once - 1) / taps_at_once;
    result.first.reserve(even.taps.size());
    result.weights.reserve(even.taps.size() * static_cast<std::size_t>(result.pairs));
    for (const Taps& taps : even.taps) {
        result.first.push_back(taps.first);
        const float* weight = even.weights.data() + taps.weights;
        for (int k = 0; k < taps.count; k += taps_at_once) {
            const float a = weight[k];
            const float b = k + 1 < taps.count ? weight[k + 1] : 0;
            result.weights.push_back(TwoPixels{a, a, a, b, b, b, 0, 0});
        }
    }
    return result;
}

template <int known>
LOCUS_INLINED void mix_known_columns(const float* row, const PairedTaps& columns, int begin, float* out) {
    const int pairs = known > 0 ? known : columns.pairs;
    const TwoPixels* weight = columns.weights.data();
    for (const int first : columns.first) {
        const float* source = row + static_cast<std::ptrdiff_t>(first - begin) * 3;
        TwoPixels sum{};
        for (int k = 0; k < pairs; ++k, source += std::size_t{3} * taps_at_once) {
            TwoPixels pixels;
            std::memcpy(&pixels, source, sizeof pixels);
            sum += pixels * *weight++;
        }
        sum += __builtin_shufflevector(sum, sum, 3, 4, 5, 6, 7, 7, 7, 7);  // the second tap of each pair to the first
        std::memcpy(out, &sum, 4 * sizeof(float));
        out += 4;
    }
}

/// out[4 i ... 4 i + 2] = the red, green, blue of output pixel i, of a row of interleaved RGB that begins with source
/// pixel `begin` and has floats_to_spare behind it.
LOCUS_VECTORISED
void mix_columns(const float* row, const PairedTaps& columns, int begin, float* out) {
    switch (columns.pairs) {
        case 1:
            return mix_known_columns<1>(row, columns, begin, out);
        case 2:
            return mix_known_columns<2>(row, columns, begin, out);
        case 3:
            return mix_known_columns<3>(row, columns, begin, out);
        default:
            return mix_known_columns<0>(row, columns, begin, out);
    }
}

}  // namespace

RegionSampler::RegionSampler(const Image& image, const Region& region, int width, int height)
    : image_(image), rows_(triangle_filter(image.height, region.y, region.height, height)) {
    const Resampling columns = evened(triangle_filter(image.width, region.x, region.width, width));
    columns_ = paired(columns);
    begin_ = columns.begin();
    // Rows are mixed first: they lie in one piece.
    values_ = static_cast<std::size_t>(columns.end() - begin_) * 3;
    mixed_.resize(values_ + floats_to_spare);
    pixels_.resize(static_cast<std::size_t>(width) * 4);
}

const float* RegionSampler::row(int y) {
    const Taps& taps = rows_.taps[static_cast<std::size_t>(y)];
    const std::size_t stride = static_cast<std::size_t>(image_.width) * 3;
    mix_rows(image_.pixel(begin_, taps.first), stride, rows_.weights.data() + taps.weights, taps.count, mixed_.data(),
             values_);
    mix_columns(mixed_.data(), columns_, begin_, pixels_.data());
    return pixels_.data();
}

}  // namespace locus::image
