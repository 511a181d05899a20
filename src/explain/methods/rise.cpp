#include "explain/methods/rise.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "explain/batches.hpp"
#include "explain/class_pass.hpp"
#include "explain/fusion.hpp"
#include "explain/input_scores.hpp"
#include "explain/random_numbers.hpp"

namespace locus::explain {
namespace {

constexpr std::int64_t cells = 8;
constexpr double open_share = 0.5;

/// `count` masks of the input's size. Each draws its cells and its shift by itself, so that masks do not depend on how
/// many a pass takes.
Tensor random_masks(std::mt19937_64& random, std::int64_t count, std::int64_t height, std::int64_t width) {
    const std::int64_t cell_height = (height + cells - 1) / cells, cell_width = (width + cells - 1) / cells;
    Tensor grid(DataType::float32, {count, cells, cells});
    std::vector<std::pair<std::int64_t, std::int64_t>> shifts;  // rows, columns
    for (std::int64_t i = 0; i < count; ++i) {
        for (float& value :
             grid.mutable_values<float>().subspan(static_cast<std::size_t>(i * cells * cells), cells * cells))
            value = uniform(random) < open_share ? 1.0F : 0.0F;
        const auto top = static_cast<std::int64_t>(uniform(random) * static_cast<double>(cell_height));
        const auto left = static_cast<std::int64_t>(uniform(random) * static_cast<double>(cell_width));
        shifts.emplace_back(top, left);
    }
    const std::int64_t large_height = (cells + 1) * cell_height, large_width = (cells + 1) * cell_width;
    const Tensor large = resized_maps(grid, large_height, large_width);
    Tensor masks(DataType::float32, {count, height, width});
    const auto source = large.values<float>();
    auto target = masks.mutable_values<float>().begin();
    for (std::int64_t i = 0; i < count; ++i) {
        const auto [top, left] = shifts[static_cast<std::size_t>(i)];
        for (std::int64_t y = 0; y < height; ++y) {
            const auto begin = source.begin() + (i * large_height + top + y) * large_width + left;
            target = std::copy(begin, begin + width, target);
        }
    }
    return masks;
}

Attribution run(const InputScores& scores, const Tensor& inputs, const ClassSelection& classes) {
    const Network& network = scores.network();
    const std::int64_t height = network.preprocessing.height, width = network.preprocessing.width;
    const std::int64_t masks_wanted = scores.options().samples > 0 ? scores.options().samples : 4000;
    Attribution a{.logits = scores.run(inputs)};
    a.class_indices = selected_classes(a.logits, classes);
    const auto n = static_cast<std::size_t>(inputs.shape()[0]),
               m = static_cast<std::size_t>(a.class_indices.shape()[1]);
    const auto pixels = static_cast<std::size_t>(height * width);
    const auto count = static_cast<std::size_t>(scores.classes());
    a.maps = Tensor(DataType::float32, {inputs.shape()[0], static_cast<std::int64_t>(m), height, width});
    const auto maps = a.maps.mutable_values<float>();
    for (std::size_t item = 0; item < n; ++item) {
        const Tensor image = rows(inputs, static_cast<std::int64_t>(item), 1);
        std::mt19937_64 random(scores.options().seed);  // each image sees the same masks
        std::vector<double> sums(m * pixels, 0.0);
        for (std::int64_t first = 0; first < masks_wanted; first += scores.batch()) {
            const std::int64_t batch = std::min(scores.batch(), masks_wanted - first);
            const Tensor masks = random_masks(random, batch, height, width);
            const Tensor logits = scores.run(masked_inputs(network, image, masks, true));
            for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i) {
                const auto row = logits.values<float>().subspan(i * count, count);
                const auto mask = masks.values<float>().subspan(i * pixels, pixels);
                for (std::size_t c = 0; c < m; ++c) {
                    const double weight = scores.score(row, a.class_indices.values<std::int64_t>()[item * m + c]);
                    for (std::size_t at = 0; at < pixels; ++at) sums[c * pixels + at] += weight * mask[at];
                }
            }
        }
        const double scale = 1.0 / (static_cast<double>(masks_wanted) * open_share);
        for (std::size_t i = 0; i < sums.size(); ++i)
            maps[item * sums.size() + i] = static_cast<float>(sums[i] * scale);
    }
    return a;
}

}  // namespace

Prepared prepare_rise(const Network& network, const MethodOptions& options) {
    return prepare_by_scores(network, options, "rise", run);
}

}  // namespace locus::explain
