// Convolutions, with respect to what they slide over. Weights count as constants: the network is explained, not trained.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/derivative_rules/rule.hpp"
#include "model/window.hpp"

namespace locus::model {
namespace {

struct Convolution {
    Window window;
    std::int64_t groups = 1;
    std::int64_t in = 0;   ///< channels it reads
    std::int64_t out = 0;  ///< channels it makes

    std::int64_t in_per_group() const { return in / groups; }
    std::int64_t out_per_group() const { return out / groups; }
    bool depthwise() const { return groups > 1 && in_per_group() == 1 && out_per_group() == 1; }
    std::int64_t taps() const { return element_count(window.kernel); }
};

Emitter::Attributes convolution_attributes(const Window& window, std::int64_t groups, const Ints& begin,
                                           const Ints& end) {
    Ints pads = begin;
    pads.insert(pads.end(), end.begin(), end.end());
    return {{"kernel_shape", window.kernel},
            {"strides", window.strides},
            {"dilations", window.dilations},
            {"pads", pads},
            {"group", groups}};
}

/// Weights [M, C/g, k…] each of whose output channels is multiplied by a constant.
Value scaled_weights(const Value& weights, const std::optional<Tensor>& scale) {
    if (!scale) return weights;
    auto& emit = weights.emitter();
    Shape column(weights.rank(), 1);
    column[0] = scale->size();
    const Tensor* known = weights.known();
    if (known == nullptr) return weights * emit.constant(scale->to(weights.type()).reshaped(column));
    Tensor scaled = known->to_float32();
    const auto values = scaled.mutable_values<float>();
    const Tensor factors = scale->to_float32();
    const auto block = scaled.size() / std::max<std::int64_t>(1, factors.size());
    for (std::int64_t i = 0; i < scaled.size(); ++i) values[i] *= factors.values<float>()[i / block];
    return emit.constant(scaled.to(weights.type()));
}

/// Turned weights of the stride-1 convolution that takes the gradient back: [M, C/g, k…] to [C, M/g, k…], mirrored in every spatial axis.
/// With `phases` = s > 1, the weights of all s·s… sub-pixel phases: [C·s·s…, M/g, ceil(k/s)…], phase fastest; tap j of phase r is
/// tap r + s·j of the whole.
Tensor turned_weights(const Tensor& weights, const std::optional<Tensor>& scale, const Convolution& conv,
                      const Ints& phases) {
    const auto axes = conv.window.axes();
    Ints taps(axes);
    std::int64_t phase_count = 1, tap_count = 1;
    for (std::size_t a = 0; a < axes; ++a) {
        taps[a] = (conv.window.kernel[a] + phases[a] - 1) / phases[a];
        phase_count *= phases[a];
        tap_count *= taps[a];
    }
    Shape shape{conv.in * phase_count, conv.out_per_group()};
    shape.insert(shape.end(), taps.begin(), taps.end());
    // Where each new tap comes from, by phase: -1 where the kernel has none.
    std::vector<std::int64_t> source(static_cast<std::size_t>(phase_count * tap_count), -1);
    for (std::int64_t p = 0; p < phase_count; ++p) {
        for (std::int64_t t = 0; t < tap_count; ++t) {
            std::int64_t offset = 0, stride = 1, rest_p = p, rest_t = t;
            bool inside = true;
            for (std::size_t a = axes; a-- > 0;) {
                const auto phase = rest_p % phases[a], tap = taps[a] - 1 - rest_t % taps[a];
                rest_p /= phases[a];
                rest_t /= taps[a];
                const auto from = phase + phases[a] * tap;
                inside = inside && from < conv.window.kernel[a];
                offset += from * stride;
                stride *= conv.window.kernel[a];
            }
            if (inside) source[p * tap_count + t] = offset;
        }
    }
    const Tensor original = weights.to_float32();
    const auto from = original.values<float>();
    const Tensor factors = scale ? scale->to_float32() : Tensor();
    Tensor turned(DataType::float32, shape);
    const auto to = turned.mutable_values<float>();
    const auto kernel = conv.taps(), cg = conv.in_per_group(), mg = conv.out_per_group();
    for (std::int64_t m = 0; m < conv.out; ++m) {
        const auto group = m / mg;
        const float factor = scale ? factors.values<float>()[m] : 1.0F;
        for (std::int64_t c = 0; c < cg; ++c) {
            const float* block = from.data() + (m * cg + c) * kernel;
            for (std::int64_t p = 0; p < phase_count; ++p) {
                float* target = to.data() + (((group * cg + c) * phase_count + p) * mg + m % mg) * tap_count;
                for (std::int64_t t = 0; t < tap_count; ++t) {
                    const auto at = source[p * tap_count + t];
                    target[t] = at < 0 ? 0.0F : block[at] * factor;
                }
            }
        }
    }
    return turned.to(weights.type());
}

/// The same for weights that are computed in the graph (dequantized ones, say), stride 1.
Value turned_weights(const Value& weights, const Convolution& conv) {
    const auto rank = weights.rank();
    Shape grouped{conv.groups, conv.out_per_group(), conv.in_per_group()};
    grouped.insert(grouped.end(), conv.window.kernel.begin(), conv.window.kernel.end());
    Ints order{0, 2, 1};
    for (std::size_t i = 3; i <= rank; ++i) order.push_back(static_cast<std::int64_t>(i));
    Shape shape{conv.in, conv.out_per_group()};
    shape.insert(shape.end(), conv.window.kernel.begin(), conv.window.kernel.end());
    Value turned = reshape(transpose(reshape(weights, grouped), order), shape);
    for (std::size_t axis = 2; axis < rank; ++axis) {
        if (shape[axis] > 1)
            turned = slice(turned, static_cast<std::int64_t>(axis), -1, std::numeric_limits<std::int64_t>::min(), -1);
    }
    return turned;
}

/// A stride-1 convolution whose padding may be negative: then its input is cut first.
Value convolve(Value x, const Value& weights, Window window, std::int64_t groups, Ints begin, Ints end) {
    Ints cut_begin(x.rank(), 0), cut_end(x.rank(), 0);
    for (std::size_t a = 0; a < window.axes(); ++a) {
        cut_begin[a + 2] = std::min<std::int64_t>(0, begin[a]);
        cut_end[a + 2] = std::min<std::int64_t>(0, end[a]);
        begin[a] = std::max<std::int64_t>(0, begin[a]);
        end[a] = std::max<std::int64_t>(0, end[a]);
    }
    x = pad(x, cut_begin, cut_end);
    return x.emitter().node("Conv", {x, weights}, convolution_attributes(window, groups, begin, end));
}

Ints spatial(const Value& x) {
    const Shape shape = x.shape();
    return {shape.begin() + 2, shape.end()};
}

/// The gradient of a convolution of stride 1 (or, of larger strides, once `g` has zeros in between) with respect to its input.
Value stride_one(const Value& g, const Value& turned, const Convolution& conv) {
    Window window = conv.window;
    Ints begin, end;
    const auto sizes = spatial(g);
    for (std::size_t a = 0; a < window.axes(); ++a) {
        window.strides[a] = 1;
        begin.push_back(window.extent(a) - 1 - window.begin[a]);
        // As much behind as makes the size of the input: what the last window left over gets zeros.
        end.push_back(window.input[a] - (sizes[a] + begin[a] - (window.extent(a) - 1)));
    }
    return convolve(g, turned, window, conv.groups, begin, end);
}

/// Every phase of the stride is a stride-1 convolution of its own with part of the taps; all of them are one convolution with s·s times the
/// channels, whose channels are then laid out in space. Dilation 1.
Value sub_pixel(const Value& g, const Value& weights, const Convolution& conv) {
    const auto axes = conv.window.axes();
    Window window = conv.window;
    const auto sizes = spatial(g);
    Ints begin, end, places;
    for (std::size_t a = 0; a < axes; ++a) {
        const auto s = conv.window.strides[a];
        window.kernel[a] = (conv.window.kernel[a] + s - 1) / s;
        window.strides[a] = 1;
        places.push_back((conv.window.input[a] + conv.window.begin[a] + s - 1) / s);
        begin.push_back(window.kernel[a] - 1);
        end.push_back(places[a] - sizes[a]);
    }
    const Value phases = convolve(g, weights, window, conv.groups, begin, end);
    Shape apart{phases.shape()[0], conv.in}, together{phases.shape()[0], conv.in};
    Ints order{0, 1};
    for (std::size_t a = 0; a < axes; ++a) {
        apart.push_back(conv.window.strides[a]);
        order.push_back(static_cast<std::int64_t>(2 + axes + a));
        order.push_back(static_cast<std::int64_t>(2 + a));
        together.push_back(conv.window.strides[a] * places[a]);
    }
    apart.insert(apart.end(), places.begin(), places.end());
    const Value whole = reshape(transpose(reshape(phases, apart), order), together);
    Ints cut_begin{0, 0}, cut_end{0, 0};
    for (std::size_t a = 0; a < axes; ++a) {
        cut_begin.push_back(-conv.window.begin[a]);
        cut_end.push_back(conv.window.input[a] + conv.window.begin[a] - together[a + 2]);
    }
    return pad(whole, cut_begin, cut_end);
}

Value dilated(Value g, const Window& window) {
    for (std::size_t a = 0; a < window.axes(); ++a)
        g = dilate(g, static_cast<std::int64_t>(a) + 2, window.strides[a] - 1);
    return g;
}

[[maybe_unused]] Value transposed_convolution(const Value& g, const Value& weights, const Convolution& conv) {
    const auto sizes = spatial(g);
    auto attributes = convolution_attributes(conv.window, conv.groups, conv.window.begin, conv.window.end);
    Ints more;
    for (std::size_t a = 0; a < conv.window.axes(); ++a) {
        const auto reached =
            (sizes[a] - 1) * conv.window.strides[a] + conv.window.extent(a) - conv.window.begin[a] - conv.window.end[a];
        more.push_back(conv.window.input[a] - reached);
    }
    attributes["output_padding"] = more;
    return g.emitter().node("ConvTranspose", {g, weights}, attributes);
}

Value data_gradient(const Gradient& gradient, const Value& g, const Value& weights, const Convolution& conv) {
    auto& emit = g.emitter();
    const bool strided =
        std::any_of(conv.window.strides.begin(), conv.window.strides.end(), [](auto s) { return s > 1; });
    const bool dense_taps =
        std::all_of(conv.window.dilations.begin(), conv.window.dilations.end(), [](auto d) { return d == 1; });
    const Tensor* known = weights.known();
    const Ints whole(conv.window.axes(), 1);
    if (known != nullptr && strided && dense_taps && !conv.depthwise()) {
        return sub_pixel(g, emit.constant(turned_weights(*known, gradient.channel_scale, conv, conv.window.strides)),
                         conv);
    }
    const Value turned = known != nullptr ? emit.constant(turned_weights(*known, gradient.channel_scale, conv, whole))
                                          : turned_weights(scaled_weights(weights, gradient.channel_scale), conv);
    return stride_one(strided ? dilated(g, conv.window) : g, turned, conv);
}

void conv_rule(RuleContext& node) {
    if (node.wants(1)) node.unsupported("its weights depend on the layer asked for");
    const Value x = node.input(0), weights = node.input(1);
    if (node.wants(0)) {
        const Shape shape = weights.shape();
        for (const auto size : spatial(x)) {
            if (size < 0) node.unsupported("the size of what it slides over follows the batch");
        }
        Convolution conv{Window::of(node.node(), spatial(x), {shape.begin() + 2, shape.end()}),
                         node.node().int_or("group", 1), x.shape()[1], shape[0]};
        Gradient gradient = node.scaled_gradient();
        gradient.value = expand_like(gradient.value, node.output());
        node.give(0, data_gradient(gradient, gradient.value, weights, conv));
    }
    if (node.wants(2)) {
        Ints axes;
        for (std::size_t i = 0; i < x.rank(); ++i) {
            if (i != 1) axes.push_back(static_cast<std::int64_t>(i));
        }
        node.give(2, reduce_sum(node.gradient(), axes, false));
    }
}

/// The convolution that it is the transposition of, with the same weights.
void conv_transpose_rule(RuleContext& node) {
    if (node.wants(1)) node.unsupported("its weights depend on the layer asked for");
    const Value x = node.input(0), weights = node.input(1);
    if (node.wants(0)) {
        const Shape shape = weights.shape();
        const auto window = Window::of_transposed(node.node(), spatial(x), {shape.begin() + 2, shape.end()});
        Value g = node.gradient();
        Value back =
            node.emit().node("Conv", {g, weights},
                             convolution_attributes(window, node.node().int_or("group", 1), window.begin, window.end));
        Ints begin(x.rank(), 0), end(x.rank(), 0);
        for (std::size_t a = 0; a < window.axes(); ++a) end[a + 2] = x.shape()[a + 2] - back.shape()[a + 2];
        node.give(0, pad(back, begin, end));
    }
    if (node.wants(2)) {
        Ints axes;
        for (std::size_t i = 0; i < x.rank(); ++i) {
            if (i != 1) axes.push_back(static_cast<std::int64_t>(i));
        }
        node.give(2, reduce_sum(node.gradient(), axes, false));
    }
}

}  // namespace

const RuleTable& convolution_rules() {
    static const RuleTable table{{"Conv", conv_rule}, {"ConvTranspose", conv_transpose_rule}};
    return table;
}

}  // namespace locus::model
