#include "explain/methods/occlusion.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "explain/class_pass.hpp"
#include "explain/input_scores.hpp"

namespace locus::explain {
namespace {

constexpr std::int64_t grid = 14;

/// Rows and columns of the input that the patch at a position covers.
struct Span {
    std::int64_t first, last;  // last is exclusive
};
Span covered(std::int64_t position, std::int64_t extent) {
    const double cell = static_cast<double>(extent) / grid;
    const double centre = (static_cast<double>(position) + 0.5) * cell;
    const auto clip = [&](double edge) { return std::clamp<std::int64_t>(std::llround(edge), 0, extent); };
    const std::int64_t first = std::min(clip(centre - cell), extent - 1);
    return {first, std::max(clip(centre + cell), first + 1)};
}

/// Writes the input with the patch at (row, column) over `item`.
void occlude(const Network& network, std::span<std::byte> item, std::int64_t row, std::int64_t column,
             std::span<const std::byte> fill) {
    const Preprocessing& p = network.preprocessing;
    const std::size_t element = fill.size();
    const Span rows = covered(row, p.height);
    const Span columns = covered(column, p.width);
    const bool last = p.layout == Layout::nhwc;
    const std::int64_t channels = static_cast<std::int64_t>(item.size() / element) / (std::int64_t{p.height} * p.width);
    const std::int64_t planes = last ? 1 : channels, inner = last ? channels : 1;
    for (std::int64_t plane = 0; plane < planes; ++plane) {
        for (std::int64_t y = rows.first; y < rows.last; ++y) {
            for (std::int64_t x = columns.first * inner; x < columns.last * inner; ++x) {
                const std::int64_t at = (plane * p.height + y) * p.width * inner + x;
                std::memcpy(item.data() + static_cast<std::size_t>(at) * element, fill.data(), element);
            }
        }
    }
}

Attribution run(const InputScores& scores, const Tensor& inputs, const ClassSelection& classes) {
    const auto n = static_cast<std::size_t>(inputs.shape()[0]);
    Attribution a{.logits = scores.run(inputs)};
    a.class_indices = selected_classes(a.logits, classes);
    const auto m = static_cast<std::size_t>(a.class_indices.shape()[1]),
               class_count = static_cast<std::size_t>(scores.classes());
    constexpr auto positions = static_cast<std::size_t>(grid * grid);
    a.maps = Tensor(DataType::float32, {inputs.shape()[0], a.class_indices.shape()[1], grid, grid});
    const auto maps = a.maps.mutable_values<float>();

    // 127 or 128 where bytes go in, else the mean colour, which preprocessing maps to 0.
    const DataType type = scores.network().input_type;
    const Tensor fill = type == DataType::uint8 ? Tensor::scalar<std::uint8_t>(128) : Tensor::scalar(0.0F).to(type);
    const std::size_t item_bytes = inputs.bytes().size() / n;
    for (std::size_t item = 0; item < n; ++item) {
        const auto logits = a.logits.values<float>().subspan(item * class_count, class_count);
        const auto asked = a.class_indices.values<std::int64_t>().subspan(item * m, m);
        const auto source = inputs.bytes().subspan(item * item_bytes, item_bytes);
        for (std::int64_t first = 0; first < grid * grid; first += scores.batch()) {
            const std::int64_t count = std::min(scores.batch(), grid * grid - first);
            Shape shape = inputs.shape();
            shape[0] = count;
            Tensor batch(inputs.type(), shape);
            for (std::int64_t i = 0; i < count; ++i) {
                const auto target = batch.mutable_bytes().subspan(static_cast<std::size_t>(i) * item_bytes, item_bytes);
                std::copy(source.begin(), source.end(), target.begin());
                occlude(scores.network(), target, (first + i) / grid, (first + i) % grid, fill.bytes());
            }
            const Tensor occluded = scores.run(batch);
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                const auto left = occluded.values<float>().subspan(i * class_count, class_count);
                for (std::size_t c = 0; c < m; ++c) {
                    maps[(item * m + c) * positions + static_cast<std::size_t>(first) + i] =
                        static_cast<float>(scores.score(logits, asked[c]) - scores.score(left, asked[c]));
                }
            }
        }
    }
    return a;
}

}  // namespace

Prepared prepare_occlusion(const Network& network, const MethodOptions& options) {
    return prepare_by_scores(network, options, "occlusion", run);
}

}  // namespace locus::explain
