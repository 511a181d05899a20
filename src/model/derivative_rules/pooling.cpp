// Pooling: averages spread evenly, maxima go back to where they were found (the first, where several are equal).

#include <algorithm>
#include <limits>

#include "model/derivative_rules/rule.hpp"
#include "model/window.hpp"

namespace locus::model {
namespace {

Ints spatial(RuleContext& node, const Value& x) {
    const Shape shape = x.shape();
    const Ints sizes{shape.begin() + 2, shape.end()};
    if (std::count(sizes.begin(), sizes.end(), -1) > 0)
        node.unsupported("the size of what it slides over follows the batch");
    return sizes;
}

/// How many elements each window averages over, as [1, 1, o…].
Tensor divisors(const Window& window, bool count_padding) {
    Shape shape{1, 1};
    std::vector<std::vector<std::int64_t>> counts(window.axes());
    for (std::size_t a = 0; a < window.axes(); ++a) {
        shape.push_back(window.output_size(a));
        const auto low = count_padding ? -window.begin[a] : 0;
        // Padding that only ceil_mode needs is never counted.
        const auto high = count_padding ? window.input[a] + window.end[a] : window.input[a];
        for (std::int64_t o = 0; o < shape.back(); ++o) {
            std::int64_t inside = 0;
            for (std::int64_t t = 0; t < window.kernel[a]; ++t) {
                const auto at = o * window.strides[a] - window.begin[a] + t * window.dilations[a];
                inside += at >= low && at < high ? 1 : 0;
            }
            counts[a].push_back(inside);
        }
    }
    Tensor result(DataType::float32, shape);
    const auto values = result.mutable_values<float>();
    for (std::int64_t i = 0; i < result.size(); ++i) {
        std::int64_t product = 1, rest = i;
        for (std::size_t a = window.axes(); a-- > 0;) {
            product *= counts[a][rest % shape[a + 2]];
            rest /= shape[a + 2];
        }
        values[i] = static_cast<float>(product);
    }
    return result;
}

/// The sum over the window's taps of `g` (with zeros for the stride in between) at the tap's place.
Value spread_taps(const Value& g, const Window& window) {
    const auto axes = window.axes();
    Value sum;
    for (std::int64_t t = 0; t < element_count(window.kernel); ++t) {
        Ints begin(axes + 2, 0), end(axes + 2, 0);
        auto rest = t;
        for (std::size_t a = axes; a-- > 0;) {
            begin[a + 2] = rest % window.kernel[a] * window.dilations[a] - window.begin[a];
            end[a + 2] = window.input[a] - g.shape()[a + 2] - begin[a + 2];
            rest /= window.kernel[a];
        }
        const Value placed = pad(g, begin, end);
        sum = sum ? sum + placed : placed;
    }
    return sum;
}

/// Each element of `g` added to all elements of its window.
Value spread(Value g, const Window& window) {
    auto& emit = g.emitter();
    const auto axes = window.axes();
    bool tiles = true;  // windows side by side: each element repeated
    for (std::size_t a = 0; a < axes; ++a) {
        tiles = tiles && window.strides[a] == window.kernel[a] && window.dilations[a] == 1 && window.begin[a] == 0 &&
                window.output_size(a) * window.kernel[a] >= window.input[a];
    }
    const Shape shape = g.shape();
    Ints begin(axes + 2, 0), end(axes + 2, 0);
    if (tiles) {
        Shape apart{shape[0], shape[1]}, repeats{1, 1}, together{shape[0], shape[1]};
        for (std::size_t a = 0; a < axes; ++a) {
            apart.insert(apart.end(), {shape[a + 2], 1});
            repeats.insert(repeats.end(), {1, window.kernel[a]});
            together.push_back(shape[a + 2] * window.kernel[a]);
            end[a + 2] = window.input[a] - together.back();
        }
        return pad(reshape(emit.node("Expand", {reshape(g, apart), emit.ints(repeats)}), together), begin, end);
    }
    // Zeros between the elements, then a sum over the window at every place: an average times its size. It pads by less
    // than its kernel, and ONNX Runtime would merge a Pad before it into it, so what is left over behind the last
    // window is added afterwards.
    for (std::size_t a = 0; a < axes; ++a) g = dilate(g, static_cast<std::int64_t>(a) + 2, window.strides[a] - 1);
    if (std::any_of(window.dilations.begin(), window.dilations.end(), [](auto d) { return d != 1; }))
        return spread_taps(g, window);
    const Ints nothing(axes + 2, 0);
    Ints pads(2 * axes, 0), cut(axes + 2, 0);
    for (std::size_t a = 0; a < axes; ++a) {
        // Negative padding: elements before the first window.
        begin[a + 2] = std::max<std::int64_t>(0, -window.begin[a]);
        pads[a] = window.kernel[a] - 1 - std::max<std::int64_t>(0, window.begin[a]);
        const auto behind = window.input[a] + window.begin[a] - g.shape()[a + 2];
        pads[axes + a] = std::clamp<std::int64_t>(behind, 0, window.kernel[a] - 1);
        cut[a + 2] = std::min<std::int64_t>(0, behind);
        end[a + 2] = std::max<std::int64_t>(0, behind - pads[axes + a]);
    }
    const Emitter::Attributes attributes{
        {"kernel_shape", window.kernel}, {"pads", pads}, {"count_include_pad", std::int64_t{1}}};
    const Value means = emit.node("AveragePool", {pad(g, nothing, cut)}, attributes);
    return pad(means * static_cast<double>(element_count(window.kernel)), begin, end);
}

void average_pool(RuleContext& node) {
    const auto window = Window::of(node.node(), spatial(node, node.input()));
    const Tensor counts = divisors(window, node.node().int_or("count_include_pad", 0) != 0);
    const auto values = counts.values<float>();
    const bool even = std::all_of(values.begin(), values.end(), [&](float n) { return n == values[0]; });
    const Value g = node.gradient();
    node.give(
        0, spread(even ? g / static_cast<double>(values[0]) : g / node.emit().constant(counts.to(g.type())), window));
}

void global_average_pool(RuleContext& node) {
    double count = 1;
    for (const auto size : spatial(node, node.input())) count *= static_cast<double>(size);
    Gradient gradient = node.scaled_gradient();
    gradient.value = gradient.value / count;  // the same everywhere: stays [N, C, 1, 1]
    node.give(0, std::move(gradient));
}

/// To the first largest position, which ArgMax finds.
void global_max_pool(RuleContext& node) {
    const Value x = node.input();
    std::int64_t positions = 1;
    for (const auto size : spatial(node, x)) positions *= size;
    auto& emit = node.emit();
    const Value flat = reshape(x, {x.shape()[0], x.shape()[1], positions});
    const Value found = emit.node("ArgMax", {flat}, {{"axis", std::int64_t{2}}, {"keepdims", std::int64_t{0}}});
    const Tensor off_on = Tensor::of<float>({2}, {0.0F, 1.0F}).to(x.type());
    const Value mask = emit.node("OneHot", {found, emit.ints({positions}), emit.constant(off_on)});
    Gradient gradient = node.scaled_gradient();
    gradient.value = expand_like(gradient.value, node.output()) * reshape_like(mask, x);
    node.give(0, std::move(gradient));
}

/// True for the usual case: pictures, square strides, no dilation, windows that overlap or touch.
bool picture_windows(const Window& window) {
    return window.axes() == 2 && window.dilations == Ints{1, 1} && window.strides[0] == window.strides[1] &&
           window.kernel[0] >= window.strides[0] && window.kernel[1] >= window.strides[1] &&
           element_count(window.kernel) <= 49;
}

/// The windows' elements, tap by tap, are compared with the maximum: no indices (ONNX Runtime's MaxPool is 20 times
/// slower where it gives them) and no scattering. With a stride s, the picture is first laid out as its s·s phases, in
/// which every tap is a cut with step 1. What is left of the gradient is handed on from tap to tap, so that only the
/// first largest gets it.
Value max_pool_by_comparison(const Value& x, const Value& y, const Value& g, const Window& window) {
    auto& emit = x.emitter();
    const auto s = window.strides[0];
    const Shape shape = x.shape(), out = y.shape();
    Ints places(2), begin(4, 0), end(4, 0);  // of a phase; padding that makes the picture s times as large
    for (std::size_t a = 0; a < 2; ++a) {
        places[a] = std::max(out[a + 2] + (window.kernel[a] - 1) / s, (window.input[a] + window.begin[a] + s - 1) / s);
        begin[a + 2] = window.begin[a];
        end[a + 2] = s * places[a] - window.input[a] - window.begin[a];
    }
    Ints pads = begin;
    pads.insert(pads.end(), end.begin(), end.end());
    Value phases = x;
    if (std::any_of(pads.begin(), pads.end(), [](auto n) { return n != 0; })) {
        const double lowest =
            x.type() == DataType::float16 ? -65504.0 : static_cast<double>(std::numeric_limits<float>::lowest());
        phases = emit.node("Pad", {x, emit.ints(pads), emit.number(lowest, x.type())});
    }
    if (s > 1) phases = emit.node("SpaceToDepth", {phases}, {{"blocksize", s}});
    Value rest = g;
    std::vector<Value> gradients(static_cast<std::size_t>(s * s));
    for (std::int64_t i = 0; i < window.kernel[0]; ++i) {
        for (std::int64_t j = 0; j < window.kernel[1]; ++j) {
            const auto phase = i % s * s + j % s, down = i / s, right = j / s;
            const Ints starts{phase * shape[1], down, right},
                ends{(phase + 1) * shape[1], down + out[2], right + out[3]};
            const Value tap = emit.node("Slice", {phases, emit.ints(starts), emit.ints(ends), emit.ints({1, 2, 3})});
            const bool last = i + 1 == window.kernel[0] && j + 1 == window.kernel[1];
            const Value won = last ? rest : rest * is_zero(tap - y);
            if (!last) rest = rest - won;
            const Value placed =
                pad(won, {0, 0, down, right}, {0, 0, places[0] - down - out[2], places[1] - right - out[3]});
            auto& sum = gradients[static_cast<std::size_t>(phase)];
            sum = sum ? sum + placed : placed;
        }
    }
    Value whole = concat(gradients, 1);
    if (s > 1) whole = emit.node("DepthToSpace", {whole}, {{"blocksize", s}});
    for (auto& n : begin) n = -n;
    for (auto& n : end) n = -n;
    return pad(whole, begin, end);
}

/// By the indices that the operator itself can give, which count through the whole tensor [N, C, …].
Value max_pool_by_indices(RuleContext& node, const Value& x) {
    auto& emit = node.emit();
    if (emit.opset() < 16) node.unsupported("windows like these need opset 16");
    auto attributes = node.node().attributes;
    attributes.erase("storage_order");
    const bool given = !node.node().output(1).empty() && node.node().int_or("storage_order", 0) == 0;
    const Value indices = given ? node.output(1) : emit.node_with_outputs("MaxPool", {x}, 2, attributes)[1];
    const Value scattered = emit.node(
        "ScatterElements", {reshape(zeros_like(x), {-1}), reshape(indices, {-1}), reshape(node.gradient(), {-1})},
        {{"axis", std::int64_t{0}}, {"reduction", std::string("add")}});
    return reshape_like(scattered, x);
}

void max_pool(RuleContext& node) {
    const auto window = Window::of(node.node(), spatial(node, node.input()));
    Gradient gradient = node.scaled_gradient();
    // The gradient of quantized numbers is in floating point.
    const auto type = gradient.value.type();
    if (picture_windows(window)) {
        const Value g = expand_like(gradient.value, node.output());
        gradient.value = max_pool_by_comparison(cast(node.input(), type), cast(node.output(), type), g, window);
        return node.give(0, std::move(gradient));
    }
    node.give(0, max_pool_by_indices(node, cast(node.input(), type)));
}

/// y = (sum |x|^p)^(1/p): y^(1-p) |x|^(p-1) sign(x)
Value lp_derivative(const Value& x, const Value& y, double p) {
    const Value magnitude = unary("Abs", x);
    const Value positive = where(greater(y, 0), y, y.emitter().number(1, y.type()));
    if (p == 1) return unary("Sign", x);
    return unary("Sign", x) * power(magnitude, p - 1) * power(positive, 1 - p);
}

void global_lp_pool(RuleContext& node) {
    node.give(0, node.compact_gradient() *
                     lp_derivative(node.input(), node.output(), static_cast<double>(node.node().int_or("p", 2))));
}

void lp_pool(RuleContext& node) {
    const Value x = node.input(), y = node.output();
    const auto p = static_cast<double>(node.node().int_or("p", 2));
    const auto window = Window::of(node.node(), spatial(node, x));
    const Value positive = where(greater(y, 0), y, y.emitter().number(1, y.type()));
    const Value shares = spread(p == 1 ? node.gradient() : node.gradient() * power(positive, 1 - p), window);
    node.give(0, p == 1 ? shares * unary("Sign", x) : shares * unary("Sign", x) * power(unary("Abs", x), p - 1));
}

}  // namespace

const RuleTable& pooling_rules() {
    static const RuleTable table{
        {"AveragePool", average_pool},
        {"GlobalAveragePool", global_average_pool},
        {"GlobalLpPool", global_lp_pool},
        {"GlobalMaxPool", global_max_pool},
        {"LpPool", lp_pool},
        {"MaxPool", max_pool},
    };
    return table;
}

}  // namespace locus::model
