// Convolutions, pools, and what else changes the number of positions.

#include <cmath>
#include <numeric>

#include "model/resize_kernel.hpp"
#include "model/shape_rules/rule.hpp"
#include "model/window.hpp"

namespace locus::model::shape_rules {
namespace {

Ints spatial(const Shape& shape) {
    if (shape.size() < 2) throw Unknown{};
    return {shape.begin() + 2, shape.end()};
}

Shape with_spatial(std::int64_t n, std::int64_t c, const Window& window) {
    Shape shape{n, c};
    for (std::size_t i = 0; i < window.axes(); ++i) shape.push_back(window.output_size(i));
    return shape;
}

/// Weights of a Conv are [out, channels / groups, …], of a ConvTranspose [channels, out / groups, …].
void require_weights_that_fit(const Inference& n, bool transposed) {
    const auto groups = n.node.int_or("group", 1), channels = n.shape().at(1);
    const auto first = n.shape(1).at(0), second = n.shape(1).at(1);
    if (groups < 1 || first % groups != 0) throw Unknown{};
    if (channels != (transposed ? first : times(second, groups))) throw Unknown{};
}

void convolution(Inference& n) {
    require_weights_that_fit(n, false);
    n.out(with_spatial(n.shape().at(0), n.shape(1).at(0), Window::of(n.node, spatial(n.shape()), spatial(n.shape(1)))));
}

void transposed_convolution(Inference& n) {
    require_weights_that_fit(n, true);
    const auto window = Window::of_transposed(n.node, spatial(n.shape()), spatial(n.shape(1)));
    Shape shape{n.shape().at(0), times(n.shape(1).at(1), n.node.int_or("group", 1))};
    shape.insert(shape.end(), window.input.begin(), window.input.end());
    n.out(shape);
}

void pooling(Inference& n) {
    const auto shape = with_spatial(n.shape().at(0), n.shape().at(1), Window::of(n.node, spatial(n.shape())));
    n.out(shape);
    n.out(1, DataType::int64, shape);
}

void global_pooling(Inference& n) {
    Shape shape(n.shape().size(), 1);
    shape.at(0) = n.shape().at(0);
    shape.at(1) = n.shape().at(1);
    n.out(shape);
}

bool is_size(float number) { return number >= 0 && number < 0x1p53F; }

void resize(Inference& n) {
    const bool old = n.opset < 11 || n.node.op_type == "Upsample";
    const std::size_t scales_at = old ? 1 : 2;
    const auto policy = n.node.string_or("keep_aspect_ratio_policy", "stretch");
    Ints axes(n.shape().size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = n.node.ints_or("axes", axes);
    Shape shape = n.shape();
    if (!old && n.has(3)) {
        const Ints sizes = n.ints(3);
        std::vector<float> scales;
        for (std::size_t i = 0; i < axes.size(); ++i) {
            auto& size = shape.at(n.axis(axes[i], n.rank()));
            scales.push_back(static_cast<float>(sizes.at(i)) / static_cast<float>(size));
            size = sizes[i];
        }
        if (policy != "stretch" && !axes.empty()) {
            const float scale = shared_scale(policy, scales);
            for (const auto given : axes) {
                const auto axis = n.axis(given, n.rank());
                if (!is_size(scale * static_cast<float>(n.shape()[axis]))) throw Unknown{};
                shape[axis] = size_under(scale, n.shape()[axis]);
            }
        }
    } else {
        const Tensor scales = n.has(scales_at) ? n.value(scales_at).to_float32()
                                               : Tensor::of<float>({n.rank()}, n.node.floats_or("scales", {}));
        const auto factors = scales.values<float>();
        if (factors.size() < axes.size()) throw Unknown{};
        for (std::size_t i = 0; i < axes.size(); ++i) {
            auto& size = shape.at(n.axis(axes[i], n.rank()));
            const float scaled = static_cast<float>(size) * factors[i];
            if (!is_size(scaled)) throw Unknown{};
            size = static_cast<std::int64_t>(scaled);
        }
    }
    n.out(shape);
}

std::int64_t block_size(const Inference& n) {
    const auto size = n.node.int_or("blocksize", 1);
    if (size < 1 || size > 1 << 16) throw Unknown{};
    return size;
}

void depth_to_space(Inference& n) {
    const auto b = block_size(n);
    n.out({n.shape().at(0), n.shape().at(1) / (b * b), times(n.shape().at(2), b), times(n.shape().at(3), b)});
}

void space_to_depth(Inference& n) {
    const auto b = block_size(n);
    n.out({n.shape().at(0), times(n.shape().at(1), b * b), n.shape().at(2) / b, n.shape().at(3) / b});
}

}  // namespace

const RuleTable& window_rules() {
    static const RuleTable table{
        {"Conv", convolution},
        {"ConvTranspose", transposed_convolution},
        {"MaxPool", pooling},
        {"AveragePool", pooling},
        {"LpPool", pooling},
        {"GlobalAveragePool", global_pooling},
        {"GlobalMaxPool", global_pooling},
        {"GlobalLpPool", global_pooling},
        {"Resize", resize},
        {"Upsample", resize},
        {"DepthToSpace", depth_to_space},
        {"SpaceToDepth", space_to_depth},
    };
    return table;
}

}  // namespace locus::model::shape_rules
