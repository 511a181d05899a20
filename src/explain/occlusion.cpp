#include "explain/occlusion.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "explain/scores.hpp"
#include "locus/error.hpp"
#include "model/onnx_file.hpp"

namespace locus::explain {
namespace {

constexpr std::int64_t grid = 14;

struct OcclusionNetwork {
    Network network;
    runtime::Session session;
    std::string logits;
    std::int64_t batch = 16;
};

/// The logits of preprocessed inputs: [n, classes].
Tensor scores(const OcclusionNetwork& occlusion, const Tensor& inputs) {
    const Tensor logits =
        run_in_batches(occlusion.network, occlusion.session, inputs, {}, {occlusion.logits})[0].to_float32();
    return logits.reshaped({inputs.shape()[0], logits.size() / inputs.shape()[0]});
}

/// Rows and columns of the input that the patch at a position covers.
struct Span {
    std::int64_t first, last;  // last is exclusive
};
Span covered(std::int64_t position, std::int64_t extent) {
    const double cell = static_cast<double>(extent) / grid;
    const double centre = (static_cast<double>(position) + 0.5) * cell;
    const auto clip = [&](double edge) { return std::clamp<std::int64_t>(std::llround(edge), 0, extent); };
    return {clip(centre - cell), std::max(clip(centre + cell), clip(centre - cell) + 1)};
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

Attribution run(const OcclusionNetwork& occlusion, const Tensor& inputs, const ClassSelection& classes) {
    const std::int64_t n = inputs.shape()[0];
    Attribution a;
    a.logits = scores(occlusion, inputs);
    const std::int64_t class_count = a.logits.shape()[1];
    const auto m = static_cast<std::int64_t>(classes.top_k + classes.indices.size());
    a.class_indices = Tensor(DataType::int64, {n, m});
    a.maps = Tensor(DataType::float32, {n, m, grid, grid});
    const auto indices = a.class_indices.mutable_values<std::int64_t>();
    const auto maps = a.maps.mutable_values<float>();

    // 127 or 128 where bytes go in, else the mean colour, which preprocessing maps to 0.
    const Tensor fill = occlusion.network.input_type == DataType::uint8
                            ? Tensor::scalar<std::uint8_t>(128)
                            : Tensor::scalar(0.0F).to(occlusion.network.input_type);
    const std::size_t item_bytes = inputs.bytes().size() / static_cast<std::size_t>(n);
    for (std::int64_t item = 0; item < n; ++item) {
        const auto logits = a.logits.values<float>().subspan(static_cast<std::size_t>(item * class_count),
                                                             static_cast<std::size_t>(class_count));
        std::vector<std::int64_t> asked = best_classes(logits, classes.top_k);
        asked.insert(asked.end(), classes.indices.begin(), classes.indices.end());
        std::copy(asked.begin(), asked.end(), indices.begin() + item * m);
        const auto whole = probabilities(logits, occlusion.network.head.activation);
        const auto source = inputs.bytes().subspan(static_cast<std::size_t>(item) * item_bytes, item_bytes);

        for (std::int64_t first = 0; first < grid * grid; first += occlusion.batch) {
            const std::int64_t count = std::min(occlusion.batch, grid * grid - first);
            Shape shape = inputs.shape();
            shape[0] = count;
            Tensor batch(inputs.type(), shape);
            for (std::int64_t i = 0; i < count; ++i) {
                const auto target = batch.mutable_bytes().subspan(static_cast<std::size_t>(i) * item_bytes, item_bytes);
                std::copy(source.begin(), source.end(), target.begin());
                occlude(occlusion.network, target, (first + i) / grid, (first + i) % grid, fill.bytes());
            }
            const Tensor occluded = scores(occlusion, batch);
            for (std::int64_t i = 0; i < count; ++i) {
                const auto left =
                    probabilities(occluded.values<float>().subspan(static_cast<std::size_t>(i * class_count),
                                                                   static_cast<std::size_t>(class_count)),
                                  occlusion.network.head.activation);
                for (std::int64_t c = 0; c < m; ++c) {
                    const auto index = static_cast<std::size_t>(asked[static_cast<std::size_t>(c)]);
                    maps[static_cast<std::size_t>((item * m + c) * grid * grid + first + i)] =
                        static_cast<float>(whole[index] - left[index]);
                }
            }
        }
    }
    return a;
}

}  // namespace

Prepared prepare_occlusion(const Network& network, const MethodOptions& options) {
    if (!options.layer.empty()) {
        throw Error(ErrorKind::usage,
                    "occlusion perturbs the input and has no layer; leave --layer out, or choose another method");
    }
    model::Model model = network.model;
    model.graph.outputs = {{.name = network.head.logits, .type = DataType::float32, .shape = std::nullopt}};
    model::remove_unused(model.graph);
    auto occlusion = std::make_shared<OcclusionNetwork>(
        OcclusionNetwork{network, runtime::Session(model::serialize(model), network.session), network.head.logits});
    occlusion->network.model.graph = {};  // the session holds the weights
    const std::size_t input_bytes = random_input(network, 1, 0).bytes().size();
    occlusion->batch =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(options.memory_limit / (input_bytes * 64)), 1, 16);

    Prepared prepared;
    prepared.target_layer = network.input;
    prepared.classes = scores(*occlusion, random_input(network, 1, 0)).shape()[1];
    prepared.explain = [occlusion](const Tensor& inputs, const ClassSelection& classes) {
        return run(*occlusion, inputs, classes);
    };
    return prepared;
}

}  // namespace locus::explain
