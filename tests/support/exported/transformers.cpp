#include "support/exported/networks.hpp"

#include <cmath>
#include <limits>

namespace locus::test {
namespace {

using model::FeatureLayout;

constexpr std::int64_t heads = 2;

/// Softmax of scaled products, over [n, tokens, C]; `bias(scores)` adds to the scores [n, heads, tokens, tokens].
template <class Bias>
std::string attention(Exporter& w, const std::string& x, std::int64_t tokens, std::int64_t channels, Bias bias) {
    const std::int64_t each = channels / heads;
    std::string qkv = w.linear(x, channels, channels * 3);
    qkv = w.transpose(w.reshape(qkv, {batch, tokens, 3, heads, each}), {2, 0, 3, 1, 4});
    const auto part = [&](std::int64_t i) { return w.node("Gather", {qkv, w.whole(i)}, {{"axis", std::int64_t{0}}}); };
    const std::string q = w.mul(part(0), w.number(1.0F / std::sqrt(static_cast<float>(each))));
    const std::string scores = bias(w.node("MatMul", {q, w.transpose(part(1), {0, 1, 3, 2})}));
    const std::string mixed = w.transpose(w.node("MatMul", {w.softmax(scores), part(2)}), {0, 2, 1, 3});
    return w.linear(w.reshape(mixed, {batch, tokens, channels}), channels, channels);
}

std::string multilayer(Exporter& w, const std::string& x, std::int64_t channels) {
    return w.linear(w.gelu(w.linear(x, channels, channels * 2)), channels * 2, channels);
}

/// One query, the first token, to all of [n, tokens, C] (CaiT).
std::string class_attention(Exporter& w, const std::string& all, std::int64_t tokens, std::int64_t channels) {
    const std::int64_t each = channels / heads;
    const auto split = [&](const std::string& x, std::int64_t count) {
        return w.transpose(w.reshape(w.linear(x, channels, channels), {batch, count, heads, each}), {0, 2, 1, 3});
    };
    const std::string q = w.mul(split(w.slice(all, 1, 0, 1), 1), w.number(1.0F / std::sqrt(static_cast<float>(each))));
    const std::string k = split(all, tokens), v = split(all, tokens);
    const std::string weights = w.softmax(w.node("MatMul", {q, w.transpose(k, {0, 1, 3, 2})}));
    const std::string mixed = w.transpose(w.node("MatMul", {weights, v}), {0, 2, 1, 3});
    return w.linear(w.reshape(mixed, {batch, 1, channels}), channels, channels);
}

enum class Tokens { class_token, distilled, none, class_last, with_registers };

/// A learnt tensor [1, count, C], once an item of `like`: expand(B, -1, -1), where PyTorch's exporter lets Where put 1
/// for -1.
std::string learnt_tokens(Exporter& w, std::int64_t count, std::int64_t channels, const std::string& like) {
    std::string size = w.node("Gather", {w.node("Shape", {like}), w.whole(0)}, {{"axis", std::int64_t{0}}});
    size = w.concat({w.node("Unsqueeze", {size, w.ints({0})}), w.ints({-1}), w.ints({-1})}, 0);
    const std::string ones = w.ints({1, 1, 1});
    size = w.node("Where", {w.node("Equal", {size, w.ints({-1, -1, -1})}), ones, size});
    return w.node("Expand", {w.weight({1, count, channels}, 0.5), size});
}

ExportedNetwork plain_transformer(const Export& options, Tokens kind) {
    Exporter w(options);
    const std::int64_t channels = 36;  // a square, as the number of patches is: shapes alone do not tell them apart
    std::string x = w.conv(w.input(3, exported_size), 3, channels, {.kernel = 16, .stride = 16});
    x = w.transpose(w.reshape(x, {batch, channels, 36}), {0, 2, 1});
    const auto learnt = [&](std::int64_t count) { return learnt_tokens(w, count, channels, x); };
    std::int64_t leading = 0, trailing = 0;
    if (kind == Tokens::class_token || kind == Tokens::distilled) x = w.concat({learnt(1), x}, 1), ++leading;
    if (kind == Tokens::distilled) x = w.concat({learnt(1), x}, 1), ++leading;
    if (kind == Tokens::class_last) x = w.concat({x, learnt(1)}, 1), ++trailing;
    if (kind == Tokens::with_registers) {
        x = w.concat({learnt(1), x, learnt(4)}, 1);
        leading = 1;
        trailing = 4;
    }
    const std::int64_t tokens = 36 + leading + trailing;
    x = w.add(x, w.weight({1, tokens, channels}, 0.3));
    const auto unbiased = [](const std::string& scores) { return scores; };
    for (int i = 0; i < 3; ++i) {
        std::string normed = w.layer_norm(x, channels);
        if (i == 1) normed = w.named(normed, "target_mid");
        if (i == 2) normed = w.named(normed, "target");
        x = w.add(x, attention(w, normed, tokens, channels, unbiased));
        x = w.add(x, multilayer(w, w.layer_norm(x, channels), channels));
    }
    x = w.layer_norm(x, channels);
    const auto token = [&](std::int64_t i) {
        if (options.style == Style::traced) return w.node("Gather", {x, w.whole(i)}, {{"axis", std::int64_t{1}}});
        return w.node("Squeeze", {w.slice(x, 1, i, i + 1), w.ints({1})});
    };
    std::string scores;
    if (kind == Tokens::none)
        scores = w.classifier(w.mean(x, {1}, false), channels, exported_classes);
    else
        scores = w.classifier(token(kind == Tokens::class_last ? 36 : 0), channels, exported_classes);
    if (kind == Tokens::distilled) {
        const std::string other = w.classifier(token(1), channels, exported_classes);
        scores = w.node("Div", {w.add(scores, other), w.number(2.0F)});
    }
    return {w.finish(scores),
            {{"target", FeatureLayout::tokens, channels, 6, leading, trailing},
             {"target_mid", FeatureLayout::tokens, channels, 6, leading, trailing}},
            kind == Tokens::none ? "" : "target"};
}

/// What of a shifted map lies in one window though it comes from opposite edges may not mix: -100 between such, 0 else.
std::string window_mask(Exporter& w, std::int64_t side, std::int64_t window, std::int64_t shift) {
    const std::int64_t count = side / window, tokens = window * window;
    Ints at;
    std::vector<float> numbers;
    std::string zones;
    const auto zone = [&](std::int64_t i) { return i < side - window ? 0 : i < side - shift ? 1 : 2; };
    for (std::int64_t row = 0; row < side; ++row) {
        for (std::int64_t column = 0; column < side; ++column) {
            at.insert(at.end(), {row, column});
            numbers.push_back(static_cast<float>(zone(row) * 3 + zone(column)));
        }
    }
    if (!w.options().scatters) {
        zones = w.constant(Tensor::of<float>({side, side}, numbers));
    } else {
        const std::string empty =
            w.node("ConstantOfShape", {w.ints({side, side})}, {{"value", Tensor::of<float>({1}, {0.0F})}});
        zones = w.node("ScatterND", {empty, w.constant(Tensor::of<std::int64_t>({side, side, 2}, at)),
                                     w.constant(Tensor::of<float>({side, side}, numbers))});
    }
    zones = w.transpose(w.reshape(zones, {count, window, count, window}), {0, 2, 1, 3});
    zones = w.reshape(zones, {count * count, tokens});
    const std::string far =
        w.node("Sub", {w.node("Unsqueeze", {zones, w.ints({1})}), w.node("Unsqueeze", {zones, w.ints({2})})});
    const std::string same = w.node("Equal", {far, w.number(0)});
    return w.node("Where", {w.node("Not", {same}), w.number(-100.0F), w.number(0)});
}

std::string rolled(Exporter& w, std::string x, std::int64_t by, std::int64_t side) {
    for (const std::int64_t axis : {1, 2}) {
        const std::int64_t cut = by > 0 ? side - by : -by;
        x = w.concat({w.slice(x, axis, cut, 1 << 30), w.slice(x, axis, 0, cut)}, axis);
    }
    return x;
}

/// To a multiple of the window, which the side is already: F.pad's list, turned by the exporter into ONNX's order by
/// the graph.
std::string padded_by_nothing(Exporter& w, const std::string& x) {
    const std::string rest = w.node("ConstantOfShape", {w.ints({2})}, {{"value", Tensor::of<std::int64_t>({1}, {0})}});
    std::string pads = w.reshape(w.concat({w.ints({0, 0, 0, 0, 0, 0}), rest}, 0), {-1, 2});
    pads = w.transpose(w.slice(pads, 0, -1, std::numeric_limits<std::int64_t>::min() + 1, -1), {1, 0});
    pads = w.node("Cast", {w.reshape(pads, {-1})}, {{"to", std::int64_t{7}}});
    return w.node("Pad", {x, pads, w.number(0)}, {{"mode", std::string("constant")}});
}

/// Attention within windows of [n, side, side, C].
std::string window_attention(Exporter& w, std::string x, std::int64_t side, std::int64_t channels, std::int64_t window,
                             std::int64_t shift) {
    const std::int64_t count = side / window, tokens = window * window;
    if (w.options().style == Style::traced) x = padded_by_nothing(w, x);
    if (shift > 0) x = rolled(w, x, -shift, side);
    x = w.transpose(w.reshape(x, {batch, count, window, count, window, channels}), {0, 1, 3, 2, 4, 5});
    x = w.reshape(x, {batch, tokens, channels}, count * count);
    x = attention(w, x, tokens, channels, [&](std::string scores) {
        Ints index;
        for (std::int64_t a = 0; a < tokens; ++a) {
            for (std::int64_t b = 0; b < tokens; ++b) {
                const std::int64_t rows = a / window - b / window + window - 1,
                                   columns = a % window - b % window + window - 1;
                index.push_back(rows * (2 * window - 1) + columns);
            }
        }
        const std::int64_t offsets = (2 * window - 1) * (2 * window - 1);
        std::string bias =
            w.node("Gather", {w.weight({offsets, heads}, 0.5), w.ints(index)}, {{"axis", std::int64_t{0}}});
        bias = w.transpose(w.reshape(bias, {tokens, tokens, heads}), {2, 0, 1});
        scores = w.add(scores, w.node("Unsqueeze", {bias, w.ints({0})}));
        if (shift == 0) return scores;
        const std::int64_t windows = count * count;
        scores = w.reshape(scores, {batch, windows, heads, tokens, tokens}, -windows);
        scores = w.add(scores, w.node("Unsqueeze", {window_mask(w, side, window, shift), w.ints({0, 2})}));
        return w.reshape(scores, {batch, heads, tokens, tokens}, windows);
    });
    x = w.reshape(x, {batch, count, count, window, window, channels}, -count * count);
    x = w.reshape(w.transpose(x, {0, 1, 3, 2, 4, 5}), {batch, side, side, channels});
    return shift > 0 ? rolled(w, x, shift, side) : x;
}

ExportedNetwork shifted_windows(const Export& options, bool as_tokens) {
    Exporter w(options);
    std::int64_t channels = 16, side = 24;
    constexpr std::int64_t window = 6;
    std::string x = w.conv(w.input(3, exported_size), 3, channels, {.kernel = 4, .stride = 4});
    const auto flat = [&](const std::string& y) {
        return as_tokens ? w.reshape(y, {batch, side * side, channels}) : y;
    };
    const auto square = [&](const std::string& y) {
        return as_tokens ? w.reshape(y, {batch, side, side, channels}) : y;
    };
    if (as_tokens)
        x = w.transpose(w.reshape(x, {batch, channels, side * side}), {0, 2, 1});
    else
        x = w.transpose(x, {0, 2, 3, 1});
    x = w.layer_norm(x, channels);
    for (int stage = 0; stage < 3; ++stage) {
        if (stage > 0) {  // patches merged, two by two
            std::vector<std::string> parts;
            const std::string map = square(x);
            for (const std::int64_t column : {0, 1}) {
                for (const std::int64_t row : {0, 1})
                    parts.push_back(w.slice(w.slice(map, 1, row, 1 << 30, 2), 2, column, 1 << 30, 2));
            }
            side /= 2;
            x = w.concat(parts, -1);
            channels *= 4;
            x = w.linear(w.layer_norm(flat(x), channels), channels, channels / 2, false);
            channels /= 2;
        }
        for (const bool shifted : {false, true}) {
            std::string normed = w.layer_norm(x, channels);
            if (stage == 1 && shifted) normed = w.named(normed, "target_mid");
            if (stage == 2 && shifted) normed = w.named(normed, "target");
            const std::int64_t shift = shifted && side > window ? window / 2 : 0;
            x = w.add(x, flat(window_attention(w, square(normed), side, channels, window, shift)));
            x = w.add(x, multilayer(w, w.layer_norm(x, channels), channels));
        }
    }
    x = w.layer_norm(x, channels);
    x = as_tokens ? w.transpose(x, {0, 2, 1}) : w.transpose(x, {0, 3, 1, 2});
    const auto layout = as_tokens ? FeatureLayout::tokens : FeatureLayout::channels_last;
    return {w.finish(w.classifier(w.flattened_pool(x), channels, exported_classes)),
            {{"target", layout, channels, 6}, {"target_mid", layout, channels / 2, 12}},
            ""};
}

}  // namespace

ExportedNetwork swin(const Export& options) { return shifted_windows(options, false); }
ExportedNetwork swin_tokens(const Export& options) { return shifted_windows(options, true); }
ExportedNetwork vit(const Export& options) { return plain_transformer(options, Tokens::class_token); }
ExportedNetwork deit(const Export& options) { return plain_transformer(options, Tokens::distilled); }
ExportedNetwork vit_mean(const Export& options) { return plain_transformer(options, Tokens::none); }
ExportedNetwork vit_class_last(const Export& options) { return plain_transformer(options, Tokens::class_last); }
ExportedNetwork vit_registers(const Export& options) { return plain_transformer(options, Tokens::with_registers); }

ExportedNetwork cait(const Export& options) {
    Exporter w(options);
    const std::int64_t channels = 24;
    std::string x = w.conv(w.input(3, exported_size), 3, channels, {.kernel = 16, .stride = 16});
    x = w.transpose(w.reshape(x, {batch, channels, 36}), {0, 2, 1});
    x = w.add(x, w.weight({1, 36, channels}, 0.3));
    const auto unbiased = [](const std::string& scores) { return scores; };
    x = w.add(x, attention(w, w.layer_norm(x, channels), 36, channels, unbiased));
    x = w.add(x, multilayer(w, w.layer_norm(x, channels), channels));
    std::string token = learnt_tokens(w, 1, channels, x);
    for (const bool last : {false, true}) {
        std::string all = w.layer_norm(w.concat({token, x}, 1), channels);
        if (last) all = w.named(all, "asked");
        token = w.add(token, class_attention(w, all, 37, channels));
        token = w.add(token, multilayer(w, w.layer_norm(token, channels), channels));
    }
    x = w.layer_norm(w.concat({token, x}, 1), channels);
    const std::string read = w.node("Gather", {x, w.whole(0)}, {{"axis", std::int64_t{1}}});
    return {w.finish(w.classifier(read, channels, exported_classes)),
            {{"asked", FeatureLayout::tokens, channels, 6, 1}},
            "asked"};
}

const std::vector<std::pair<std::string, ExportedNetwork (*)(const Export&)>>& exported_networks() {
    static const std::vector<std::pair<std::string, ExportedNetwork (*)(const Export&)>> all{
        {"squeeze_excite", squeeze_excite},
        {"channel_shuffle", channel_shuffle},
        {"bottleneck", bottleneck},
        {"silu_inverted", silu_inverted},
        {"fire_modules", fire_modules},
        {"convnext", convnext},
        {"channels_last", channels_last},
        {"swin", swin},
        {"swin_tokens", swin_tokens},
        {"vit", vit},
        {"deit", deit},
        {"vit_mean", vit_mean},
        {"vit_class_last", vit_class_last},
        {"vit_registers", vit_registers},
        {"cait", cait}};
    return all;
}

}  // namespace locus::test
