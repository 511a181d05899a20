#include "train/data/augment.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace locus::train {

namespace {

/// A rectangle of the photo in pixels; may reach outside, where it is black.
struct Crop {
    double x, y, width, height;
};

Crop random_resized_crop(const Image& photo, const Augmentation& how, Random& random) {
    const double area = static_cast<double>(photo.width) * photo.height;
    const double limit = std::log(how.max_aspect);
    for (int attempt = 0; attempt < 10; ++attempt) {
        const double target = area * random.uniform(how.min_area, 1);
        const double aspect = std::exp(random.uniform(-limit, limit));
        const double width = std::round(std::sqrt(target * aspect)), height = std::round(std::sqrt(target / aspect));
        const double u = random.uniform(), v = random.uniform();
        if (width < 1 || height < 1 || width > photo.width || height > photo.height) continue;
        return {std::floor(u * (photo.width - width + 1)), std::floor(v * (photo.height - height + 1)), width, height};
    }
    const double side = std::min(photo.width, photo.height);
    return {std::floor((photo.width - side) / 2), std::floor((photo.height - side) / 2), side, side};
}

/// For one output coordinate, the source pixels and weights of a triangle filter as wide as the reduction (bilinear
/// when enlarging). Not image::triangle_filter, which reads beyond a crop and knows no black around the photo, and whose
/// weights differ in the last bit: a run that is resumed must see the photos that it began with.
struct Taps {
    int first = 0;
    std::vector<float> weights;
};

std::vector<Taps> taps_of(double begin, double length, int size, int limit, bool mirrored) {
    const double scale = length / size, support = std::max(1.0, scale);
    std::vector<Taps> taps(static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) {
        const double centre = begin + (i + 0.5) * scale - 0.5;
        // The filter never reads beyond the crop, so that a crop looks as if it had been a photo of its own.
        const int low = std::max(static_cast<int>(std::ceil(centre - support)), static_cast<int>(begin));
        const int high = std::min(static_cast<int>(std::floor(centre + support)), static_cast<int>(begin + length) - 1);
        Taps t;
        t.first = low;
        double sum = 0;
        for (int p = low; p <= high; ++p) {
            const double w = std::max(0.0, 1 - std::abs(p - centre) / support);
            t.weights.push_back(static_cast<float>(w));
            sum += w;
        }
        for (int p = low; p <= high; ++p) {
            float& w = t.weights[static_cast<std::size_t>(p - low)];
            w = p < 0 || p >= limit ? 0.0F : static_cast<float>(w / sum);
        }
        taps[static_cast<std::size_t>(mirrored ? size - 1 - i : i)] = std::move(t);
    }
    return taps;
}

/// Values 0..255 as [3, size, size], RGB.
void resample(const Image& photo, const Crop& crop, bool mirrored, int size, float* out) {
    const auto columns = taps_of(crop.x, crop.width, size, photo.width, mirrored);
    const auto rows = taps_of(crop.y, crop.height, size, photo.height, false);
    const std::size_t line = static_cast<std::size_t>(size) * 3;
    const int top = std::clamp(static_cast<int>(crop.y), 0, photo.height - 1);
    const int bottom = std::clamp(static_cast<int>(crop.y + crop.height) - 1, 0, photo.height - 1);
    std::vector<float> wide(static_cast<std::size_t>(bottom - top + 1) * line);
    for (int y = top; y <= bottom; ++y) {
        float* row = wide.data() + static_cast<std::size_t>(y - top) * line;
        for (int i = 0; i < size; ++i) {
            const Taps& t = columns[static_cast<std::size_t>(i)];
            float r = 0, g = 0, b = 0;
            for (std::size_t k = 0; k < t.weights.size(); ++k) {
                const int x = t.first + static_cast<int>(k);
                if (x < 0 || x >= photo.width) continue;
                const std::uint8_t* p = photo.pixel(x, y);
                r += t.weights[k] * p[0];
                g += t.weights[k] * p[1];
                b += t.weights[k] * p[2];
            }
            row[3 * i] = r;
            row[3 * i + 1] = g;
            row[3 * i + 2] = b;
        }
    }
    const std::size_t plane = static_cast<std::size_t>(size) * size;
    std::vector<float> sum(line);
    for (int j = 0; j < size; ++j) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        const Taps& t = rows[static_cast<std::size_t>(j)];
        for (std::size_t k = 0; k < t.weights.size(); ++k) {
            const int y = t.first + static_cast<int>(k);
            if (y < top || y > bottom) continue;
            const float w = t.weights[k];
            const float* row = wide.data() + static_cast<std::size_t>(y - top) * line;
            for (std::size_t i = 0; i < line; ++i) sum[i] += w * row[i];
        }
        for (int i = 0; i < size; ++i) {
            for (std::size_t c = 0; c < 3; ++c) {
                out[c * plane + static_cast<std::size_t>(j) * size + i] = sum[3 * static_cast<std::size_t>(i) + c];
            }
        }
    }
}

constexpr std::array<float, 3> luma{0.299F, 0.587F, 0.114F};

void jitter_colors(const Augmentation& how, std::size_t plane, Random& random, float* out) {
    const auto factor = [&] { return static_cast<float>(random.uniform(1 - how.jitter, 1 + how.jitter)); };
    const float brightness = factor(), contrast = factor(), saturation = factor();
    double mean = 0;
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t i = 0; i < plane; ++i) mean += luma[c] * brightness * out[c * plane + i];
    }
    const float grey = static_cast<float>(mean / static_cast<double>(plane));
    for (std::size_t i = 0; i < plane; ++i) {
        std::array<float, 3> v{};
        float y = 0;
        for (std::size_t c = 0; c < 3; ++c) {
            v[c] = grey + contrast * (brightness * out[c * plane + i] - grey);
            y += luma[c] * v[c];
        }
        for (std::size_t c = 0; c < 3; ++c) out[c * plane + i] = std::clamp(y + saturation * (v[c] - y), 0.0F, 255.0F);
    }
}

/// After normalisation, so that noise of deviation 1 is as strong as the photo.
void erase_rectangle(int size, Random& random, float* out) {
    const double area = random.uniform(0.02, 1.0 / 3) * size * size;
    const double aspect = std::exp(random.uniform(-std::log(3.3), std::log(3.3)));
    const int width = std::clamp(static_cast<int>(std::lround(std::sqrt(area * aspect))), 1, size);
    const int height = std::clamp(static_cast<int>(std::lround(std::sqrt(area / aspect))), 1, size);
    const int left = static_cast<int>(random.below(static_cast<std::uint64_t>(size - width + 1)));
    const int top = static_cast<int>(random.below(static_cast<std::uint64_t>(size - height + 1)));
    for (int c = 0; c < 3; ++c) {
        for (int y = top; y < top + height; ++y) {
            for (int x = left; x < left + width; ++x) {
                out[(static_cast<std::size_t>(c) * size + y) * size + x] = static_cast<float>(random.normal());
            }
        }
    }
}

}  // namespace

bool is_flipped(const Augmentation& how, std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample) {
    if (!how.flip) return false;
    constexpr std::uint64_t purpose = 0x666C6970;  // a stream of its own
    if (how.alternate_flips) return ((Random(seed ^ purpose, 0, sample).next() >> 40U) + epoch) & 1U;
    return Random(seed ^ purpose, epoch, sample).next() >> 63U;
}

void augment(const Image& photo, const Augmentation& how, bool flip, int size, const Preprocessing& preprocessing,
             Random& random, float* out) {
    Crop crop{0, 0, static_cast<double>(photo.width), static_cast<double>(photo.height)};
    if (how.padding > 0) {
        const auto shift = [&] {
            return static_cast<double>(random.below(2 * static_cast<std::uint64_t>(how.padding) + 1));
        };
        crop.x = shift() - how.padding;
        crop.y = shift() - how.padding;
    } else if (how.min_area < 1) {
        crop = random_resized_crop(photo, how, random);
    }
    resample(photo, crop, flip, size, out);
    const std::size_t plane = static_cast<std::size_t>(size) * size;
    if (how.jitter > 0) jitter_colors(how, plane, random, out);
    if (preprocessing.color == ColorOrder::bgr) std::swap_ranges(out, out + plane, out + 2 * plane);
    for (std::size_t c = 0; c < 3; ++c) {
        const float scale = preprocessing.range / 255.0F;
        for (std::size_t i = 0; i < plane; ++i) {
            float& v = out[c * plane + i];
            v = (v * scale - preprocessing.mean[c] * preprocessing.range) / preprocessing.std[c];
        }
    }
    if (how.erase > 0 && random.uniform() < how.erase) erase_rectangle(size, random, out);
}

}  // namespace locus::train
