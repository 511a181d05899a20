#include "support/exported/networks.hpp"

namespace locus::test {
namespace {

using model::FeatureLayout;

/// Channels scaled by what a small network says of their means.
std::string excited(Exporter& w, const std::string& x, std::int64_t channels, bool silu) {
    const std::string pooled =
        w.options().style == Style::traced ? w.node("GlobalAveragePool", {x}) : w.mean(x, {2, 3});
    const std::string squeezed = w.conv(pooled, channels, channels / 4, {});
    const std::string scale = w.conv(silu ? w.silu(squeezed) : w.relu(squeezed), channels / 4, channels, {});
    return silu ? w.mul(w.node("Sigmoid", {scale}), x) : w.mul(w.hard_sigmoid(scale), x);
}

/// Expansion, depthwise convolution, squeeze-excite, projection.
std::string inverted(Exporter& w, const std::string& x, std::int64_t in, std::int64_t out, int stride, bool silu) {
    const auto activation = [&](const std::string& y) { return silu ? w.silu(y) : w.hard_swish(y); };
    const std::int64_t wide = in * 3;
    std::string y = activation(w.conv(x, in, wide, {}));
    y = activation(w.conv(y, wide, wide, {.kernel = 3, .stride = stride, .pad = 1, .groups = wide}));
    y = w.conv(excited(w, y, wide, silu), wide, out, {});
    return in == out && stride == 1 ? w.add(x, y) : y;
}

ExportedNetwork inverted_network(const Export& options, bool silu) {
    Exporter w(options);
    std::string x = w.conv(w.input(3, exported_size), 3, 16, {.kernel = 3, .stride = 2, .pad = 1});
    x = silu ? w.silu(x) : w.hard_swish(x);
    x = inverted(w, x, 16, 16, 2, silu);
    x = inverted(w, x, 16, 24, 2, silu);
    x = w.named(inverted(w, x, 24, 24, 1, silu), "target_mid");
    x = inverted(w, x, 24, 32, 2, silu);
    x = w.conv(x, 32, 64, {});
    x = w.named(silu ? w.silu(x) : w.hard_swish(x), "target");
    x = w.flattened_pool(x);
    if (!silu) x = w.hard_swish(w.classifier(x, 64, 48));
    const std::vector<ExportedLayer> layers{{"target", FeatureLayout::channels_first, 64, 6},
                                            {"target_mid", FeatureLayout::channels_first, 24, 12}};
    return {w.finish(w.classifier(x, silu ? 64 : 48, exported_classes)), layers, "target"};
}

std::string shuffled(Exporter& w, const std::string& x, std::int64_t channels, std::int64_t side) {
    const std::string groups = w.reshape(x, {batch, 2, channels / 2, side, side});
    return w.reshape(w.transpose(groups, {0, 2, 1, 3, 4}), {batch, channels, side, side});
}

std::string shuffle_branch(Exporter& w, const std::string& x, std::int64_t in, std::int64_t out, int stride) {
    std::string y = w.relu(w.conv(x, in, out, {}));
    y = w.conv(y, out, out, {.kernel = 3, .stride = stride, .pad = 1, .groups = out});
    return w.relu(w.conv(y, out, out, {}));
}

std::string fire(Exporter& w, const std::string& x, std::int64_t in, std::int64_t out) {
    const std::string squeezed = w.relu(w.conv(x, in, out / 4, {}));
    return w.concat({w.relu(w.conv(squeezed, out / 4, out / 2, {})),
                     w.relu(w.conv(squeezed, out / 4, out / 2, {.kernel = 3, .pad = 1}))},
                    1);
}

std::string residual(Exporter& w, const std::string& x, std::int64_t in, std::int64_t out, int stride) {
    std::string y = w.relu(w.conv(x, in, out / 4, {}));
    y = w.relu(w.conv(y, out / 4, out / 4, {.kernel = 3, .stride = stride, .pad = 1}));
    y = w.conv(y, out / 4, out, {});
    return w.relu(w.add(y, in == out ? x : w.conv(x, in, out, {.stride = stride})));
}

std::string pooled(Exporter& w, const std::string& x) {
    return w.node("MaxPool", {x},
                  {{"kernel_shape", Ints{3, 3}},
                   {"strides", Ints{2, 2}},
                   {"pads", Ints{0, 0, 0, 0}},
                   {"ceil_mode", std::int64_t{1}}});
}

}  // namespace

ExportedNetwork squeeze_excite(const Export& options) { return inverted_network(options, false); }
ExportedNetwork silu_inverted(const Export& options) { return inverted_network(options, true); }

ExportedNetwork channel_shuffle(const Export& options) {
    Exporter w(options);
    std::string x = w.relu(w.conv(w.input(3, exported_size), 3, 16, {.kernel = 3, .stride = 2, .pad = 1}));
    std::int64_t channels = 16, side = 48;
    for (const std::int64_t out : {32, 48, 64}) {
        side /= 2;
        // A unit of stride 2 has two branches, one of stride 1 leaves half of the channels as they are.
        std::string left = w.conv(x, channels, channels, {.kernel = 3, .stride = 2, .pad = 1, .groups = channels});
        left = w.relu(w.conv(left, channels, out / 2, {}));
        x = shuffled(w, w.concat({left, shuffle_branch(w, x, channels, out / 2, 2)}, 1), out, side);
        const auto halves = w.nodes("Split", {x, w.ints({out / 2, out / 2})}, 2, {{"axis", std::int64_t{1}}});
        x = shuffled(w, w.concat({halves[0], shuffle_branch(w, halves[1], out / 2, out / 2, 1)}, 1), out, side);
        channels = out;
        if (out == 48) x = w.named(x, "target_mid");
    }
    x = w.named(w.relu(w.conv(x, 64, 96, {})), "target");
    x = w.classifier(w.mean(x, {2, 3}, false), 96, exported_classes);
    return {w.finish(x),
            {{"target", FeatureLayout::channels_first, 96, 6}, {"target_mid", FeatureLayout::channels_first, 48, 12}},
            "target"};
}

ExportedNetwork bottleneck(const Export& options) {
    Exporter w(options);
    std::string x = w.relu(w.conv(w.input(3, exported_size), 3, 16, {.kernel = 7, .stride = 2, .pad = 3}));
    x = residual(w, pooled(w, x), 16, 32, 1);
    x = residual(w, x, 32, 32, 1);
    x = w.named(residual(w, x, 32, 48, 2), "target_mid");
    x = residual(w, x, 48, 64, 2);
    x = w.named(residual(w, x, 64, 64, 1), "target");
    return {w.finish(w.classifier(w.flattened_pool(x), 64, exported_classes)),
            {{"target", FeatureLayout::channels_first, 64, 6}, {"target_mid", FeatureLayout::channels_first, 48, 12}},
            "target"};
}

ExportedNetwork fire_modules(const Export& options) {
    Exporter w(options);
    std::string x = w.relu(w.conv(w.input(3, exported_size), 3, 16, {.kernel = 3, .stride = 2}));
    x = fire(w, fire(w, pooled(w, x), 16, 32), 32, 32);
    x = w.named(fire(w, pooled(w, x), 32, 48), "target_mid");
    x = w.named(fire(w, pooled(w, x), 48, 64), "target");
    x = w.relu(w.conv(x, 64, exported_classes, {}));
    return {w.finish(w.flattened_pool(x)),
            {{"target", FeatureLayout::channels_first, 64, 5}, {"target_mid", FeatureLayout::channels_first, 48, 11}},
            ""};
}

ExportedNetwork convnext(const Export& options) {
    Exporter w(options);
    // A LayerNorm over the channels of [n, C, h, w].
    const auto norm_2d = [&](const std::string& x, std::int64_t channels) {
        return w.transpose(w.layer_norm(w.transpose(x, {0, 2, 3, 1}), channels), {0, 3, 1, 2});
    };
    const auto block = [&](const std::string& x, std::int64_t channels, const std::string& name = "") {
        std::string y = w.conv(x, channels, channels, {.kernel = 7, .pad = 3, .groups = channels});
        y = w.layer_norm(w.transpose(y, {0, 2, 3, 1}), channels);
        y = w.gelu(w.linear(y, channels, channels * 4));
        y = w.linear(y, channels * 4, channels);
        if (!name.empty()) y = w.named(y, name);
        y = w.mul(w.weight({channels, 1, 1}, 0.2, 1.0), w.transpose(y, {0, 3, 1, 2}));
        return w.add(y, x);
    };
    std::string x = norm_2d(w.conv(w.input(3, exported_size), 3, 16, {.kernel = 4, .stride = 4}), 16);
    x = block(x, 16);
    x = w.conv(norm_2d(x, 16), 16, 32, {.kernel = 2, .stride = 2});
    x = block(x, 32, "target_mid");
    x = w.conv(norm_2d(x, 32), 32, 48, {.kernel = 2, .stride = 2});
    x = w.named(block(block(x, 48, "inside"), 48), "target");
    x = norm_2d(w.node("GlobalAveragePool", {x}), 48);
    x = w.classifier(w.node("Flatten", {x}, {{"axis", std::int64_t{1}}}), 48, exported_classes);
    return {w.finish(x),
            {{"target", FeatureLayout::channels_first, 48, 6},
             {"target_mid", FeatureLayout::channels_last, 32, 12},
             {"inside", FeatureLayout::channels_last, 48, 6}},
            "target"};
}

ExportedNetwork channels_last(const Export& options) {
    Exporter w(options);
    // tf2onnx leaves what is between convolutions in TensorFlow's layout.
    const auto conv = [&](const std::string& x, std::int64_t in, std::int64_t out, const ConvShape& shape) {
        return w.transpose(w.conv(w.transpose(x, {0, 3, 1, 2}), in, out, shape), {0, 2, 3, 1});
    };
    std::string x = w.transpose(w.input(3, exported_size), {0, 2, 3, 1});
    x = w.node("Relu", {conv(x, 3, 16, {.kernel = 3, .stride = 4, .pad = 1})});
    x = w.named(w.hard_swish(conv(x, 16, 32, {.kernel = 3, .stride = 2, .pad = 1})), "target_mid");
    std::string excite = w.linear(w.mean(x, {1, 2}), 32, 8);
    x = w.mul(x, w.node("Sigmoid", {w.linear(w.relu(excite), 8, 32)}));
    x = conv(x, 32, 48, {.kernel = 3, .stride = 2, .pad = 1});
    x = w.named(w.node("Clip", {x, w.number(0), w.number(6)}), "target");
    x = w.add(w.node("MatMul", {w.mean(x, {1, 2}, false), w.weight({48, exported_classes}, 0.2)}),
              w.weight({exported_classes}, 0.1));
    return {w.finish(x),
            {{"target", FeatureLayout::channels_last, 48, 6}, {"target_mid", FeatureLayout::channels_last, 32, 12}},
            "target"};
}

}  // namespace locus::test
