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

Attribution mean_over_variants(const Prepared& prepared, Layout layout, const Tensor& inputs,
                               const ClassSelection& classes) {
    Attribution a = prepared.explain(inputs, classes);
    const std::int64_t n = inputs.shape()[0], m = a.class_indices.shape()[1];
    Tensor sums = a.maps;
    const auto total = sums.mutable_values<float>();
    const std::size_t size = total.size() / static_cast<std::size_t>(n);
    int variants = 1;
    for (const bool mirror : {false, true}) {
        for (const float factor : {0.9F, 1.0F, 1.1F}) {
            if (!mirror && factor == 1.0F) continue;
            ++variants;
            for (std::int64_t item = 0; item < n; ++item) {
                ClassSelection own{.top_k = 0};
                for (std::int64_t c = 0; c < m; ++c)
                    own.indices.push_back(
                        a.class_indices.values<std::int64_t>()[static_cast<std::size_t>(item * m + c)]);
                Tensor image = strengthened(rows(inputs, item, 1), factor);
                if (mirror) image = mirrored(image, layout);
                Tensor maps = prepared.explain(image, own).maps;
                if (mirror) maps = mirrored(maps, Layout::nchw);
                for (std::size_t i = 0; i < size; ++i)
                    total[static_cast<std::size_t>(item) * size + i] += maps.values<float>()[i];
            }
        }
    }
    for (float& value : total) value /= static_cast<float>(variants);
    a.maps = std::move(sums);
    a.bias.reset();
    a.weights.reset();
    a.features.reset();
    return a;
}

}  // namespace

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

Prepared augmented(Prepared prepared, const Network& network) {
    Prepared result{.target_layer = prepared.target_layer, .classes = prepared.classes};
    result.explain = [prepared = std::move(prepared), layout = network.preprocessing.layout](
                         const Tensor& inputs, const ClassSelection& classes) {
        return mean_over_variants(prepared, layout, inputs, classes);
    };
    return result;
}

}  // namespace locus::explain
