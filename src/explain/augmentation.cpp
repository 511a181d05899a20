#include "explain/augmentation.hpp"

#include <cstring>

#include "explain/batches.hpp"
#include "explain/class_pass.hpp"

namespace locus::explain {
namespace {

Tensor strengthened(const Tensor& inputs, float factor) {
    if (factor == 1.0F) return inputs;
    Tensor values = inputs.to_float32();
    for (float& value : values.mutable_values<float>()) value *= factor;
    return values.to(inputs.type());
}

int sign_of(const Attribution& attribution, std::size_t map) {
    return attribution.signs.empty() ? 1 : attribution.signs[map];
}

}  // namespace

std::vector<Attribution> augmented(const ExplainAll& explain, Layout layout, const Tensor& inputs,
                                   const ClassSelection& classes) {
    std::vector<Attribution> all = explain(inputs, classes);
    const std::int64_t n = inputs.shape()[0], m = all.front().class_indices.shape()[1];
    const Tensor chosen = all.front().class_indices;
    int variants = 1;
    for (const bool mirror : {false, true}) {
        for (const float factor : {0.9F, 1.0F, 1.1F}) {
            if (!mirror && factor == 1.0F) continue;
            ++variants;
            for (std::int64_t item = 0; item < n; ++item) {
                ClassSelection own{.top_k = 0};
                const auto indices = chosen.values<std::int64_t>().subspan(static_cast<std::size_t>(item * m),
                                                                           static_cast<std::size_t>(m));
                own.indices.assign(indices.begin(), indices.end());
                Tensor image = strengthened(rows(inputs, item, 1), factor);
                if (mirror) image = mirrored(image, layout);
                const std::vector<Attribution> variant = explain(image, own);
                for (std::size_t i = 0; i < all.size(); ++i) {
                    const Tensor maps = mirror ? mirrored(variant[i].maps, Layout::nchw) : variant[i].maps;
                    const auto values = maps.values<float>();
                    const auto total =
                        all[i].maps.mutable_values<float>().subspan(static_cast<std::size_t>(item) * values.size());
                    const std::size_t positions = values.size() / static_cast<std::size_t>(m);
                    for (std::size_t c = 0; c < static_cast<std::size_t>(m); ++c) {
                        // A variant whose formula turned its map over is laid the way of the image's own.
                        const auto turn = static_cast<float>(sign_of(variant[i], c) *
                                                             sign_of(all[i], static_cast<std::size_t>(item * m) + c));
                        for (std::size_t at = c * positions; at < (c + 1) * positions; ++at)
                            total[at] += turn * values[at];
                    }
                }
            }
        }
    }
    for (Attribution& a : all) {
        for (float& value : a.maps.mutable_values<float>()) value /= static_cast<float>(variants);
        a.bias.reset();
        a.weights.reset();
        a.features.reset();
    }
    return all;
}

Tensor mirrored(const Tensor& tensor, Layout layout) {
    const Shape& shape = tensor.shape();
    const bool last = layout == Layout::nhwc;
    const auto width = static_cast<std::size_t>(last ? shape[2] : shape[3]);
    const std::size_t element =
        tensor.bytes().size() / static_cast<std::size_t>(tensor.size()) * static_cast<std::size_t>(last ? shape[3] : 1);
    Tensor result(tensor.type(), shape);
    const auto source = tensor.bytes();
    const auto target = result.mutable_bytes();
    for (std::size_t row = 0; row * width * element < source.size(); ++row) {
        for (std::size_t x = 0; x < width; ++x) {
            std::memcpy(target.data() + (row * width + x) * element,
                        source.data() + (row * width + width - 1 - x) * element, element);
        }
    }
    return result;
}

}  // namespace locus::explain
