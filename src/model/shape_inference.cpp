// One function an operator: shapes and types of a node's outputs from those of its inputs, all of them numbers.

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "locus/error.hpp"
#include "model/shapes.hpp"
#include "model/window.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

/// Thrown inside this file only: the node cannot be worked out.
struct Unknown {};

struct Inference {
    const Node& node;
    std::int64_t opset;
    KnownTensors& known;

    bool has(std::size_t i) const { return !node.input(i).empty(); }
    const KnownTensor& in(std::size_t i) const {
        const auto found = known.find(node.input(i));
        if (found == known.end()) throw Unknown{};
        return found->second;
    }
    const Shape& shape(std::size_t i = 0) const { return in(i).shape; }
    std::int64_t rank(std::size_t i = 0) const { return static_cast<std::int64_t>(shape(i).size()); }
    const Tensor& value(std::size_t i) const {
        const auto& tensor = in(i);
        if (!tensor.value) throw Unknown{};
        return *tensor.value;
    }
    Ints ints(std::size_t i) const { return value(i).to_int64s(); }
    void out(std::size_t i, DataType type, Shape shape) {
        if (node.output(i).empty()) return;
        if (std::any_of(shape.begin(), shape.end(), [](auto n) { return n < 0; })) throw Unknown{};
        known[node.output(i)] = {type, std::move(shape), {}};
    }
    void out(Shape shape) { out(0, in(0).type, std::move(shape)); }
    std::int64_t axis(std::int64_t given, std::int64_t of) const {
        const auto axis = given < 0 ? given + of : given;
        if (axis < 0 || axis > of) throw Unknown{};
        return axis;
    }
};

using Rule = void (*)(Inference&);

Shape broadcast(const Shape& a, const Shape& b) {
    Shape shape(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const auto x = i < shape.size() - a.size() ? 1 : a[i - (shape.size() - a.size())];
        const auto y = i < shape.size() - b.size() ? 1 : b[i - (shape.size() - b.size())];
        if (x != y && x != 1 && y != 1) throw Unknown{};
        shape[i] = x == 1 ? y : x;
    }
    return shape;
}

void same(Inference& n) { n.out(n.shape()); }
void to_bool(Inference& n) { n.out(0, DataType::boolean, n.shape()); }

void elementwise(Inference& n) {
    Shape shape = n.shape();
    for (std::size_t i = 1; i < n.node.inputs.size(); ++i) shape = broadcast(shape, n.shape(i));
    n.out(std::move(shape));
}

void comparison(Inference& n) { n.out(0, DataType::boolean, broadcast(n.shape(0), n.shape(1))); }

void where(Inference& n) { n.out(0, n.in(1).type, broadcast(n.shape(0), broadcast(n.shape(1), n.shape(2)))); }

void dropout(Inference& n) {
    n.out(n.shape());
    n.out(1, n.opset >= 10 ? DataType::boolean : n.in(0).type, n.shape());
}

void layer_normalization(Inference& n) {
    n.out(n.shape());
    Shape reduced = n.shape();
    for (auto i = n.axis(n.node.int_or("axis", -1), n.rank()); i < n.rank(); ++i) reduced[i] = 1;
    n.out(1, DataType::float32, reduced);
    n.out(2, DataType::float32, reduced);
}

Ints spatial(const Shape& shape) {
    if (shape.size() < 2) throw Unknown{};
    return {shape.begin() + 2, shape.end()};
}

Shape with_spatial(std::int64_t n, std::int64_t c, const Window& window) {
    Shape shape{n, c};
    for (std::size_t i = 0; i < window.axes(); ++i) shape.push_back(window.output_size(i));
    return shape;
}

void convolution(Inference& n) {
    n.out(with_spatial(n.shape()[0], n.shape(1).at(0), Window::of(n.node, spatial(n.shape()), spatial(n.shape(1)))));
}

void transposed_convolution(Inference& n) {
    const auto window = Window::of_transposed(n.node, spatial(n.shape()), spatial(n.shape(1)));
    Shape shape{n.shape()[0], n.shape(1).at(1) * n.node.int_or("group", 1)};
    shape.insert(shape.end(), window.input.begin(), window.input.end());
    n.out(shape);
}

void pooling(Inference& n) {
    const auto shape = with_spatial(n.shape()[0], n.shape()[1], Window::of(n.node, spatial(n.shape())));
    n.out(shape);
    n.out(1, DataType::int64, shape);
}

void global_pooling(Inference& n) {
    Shape shape(n.shape().size(), 1);
    shape.at(0) = n.shape()[0];
    shape.at(1) = n.shape()[1];
    n.out(shape);
}

void gemm(Inference& n) {
    n.out({n.shape(0).at(n.node.int_or("transA", 0) != 0 ? 1 : 0),
           n.shape(1).at(n.node.int_or("transB", 0) != 0 ? 0 : 1)});
}

void matmul(Inference& n) {
    Shape a = n.shape(0), b = n.shape(1);
    const bool row = a.size() == 1, column = b.size() == 1;
    if (row) a.insert(a.begin(), 1);
    if (column) b.push_back(1);
    if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) throw Unknown{};
    Shape shape = broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
    if (!row) shape.push_back(a[a.size() - 2]);
    if (!column) shape.push_back(b.back());
    n.out(shape);
}

void einsum(Inference& n) {
    std::string equation = n.node.string_or("equation", "");
    std::erase(equation, ' ');
    if (equation.find("...") != std::string::npos) throw Unknown{};
    const auto arrow = equation.find("->");
    std::map<char, std::int64_t> sizes;
    std::map<char, int> seen;
    std::size_t input = 0, axis = 0;
    for (const char c : equation.substr(0, arrow)) {
        if (c == ',') {
            ++input;
            axis = 0;
            continue;
        }
        sizes[c] = std::max(sizes[c], n.shape(input).at(axis++));
        ++seen[c];
    }
    Shape shape;
    if (arrow == std::string::npos) {
        for (const auto& [c, count] : seen) {
            if (count == 1) shape.push_back(sizes.at(c));
        }
    } else {
        for (const char c : equation.substr(arrow + 2)) shape.push_back(sizes.at(c));
    }
    n.out(shape);
}

Shape reduced(const Shape& shape, const Ints& axes, bool keep) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    std::vector<bool> gone(shape.size(), axes.empty());
    for (const auto axis : axes) gone.at(static_cast<std::size_t>(axis < 0 ? axis + rank : axis)) = true;
    Shape result;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (!gone[i])
            result.push_back(shape[i]);
        else if (keep)
            result.push_back(1);
    }
    return result;
}

void reduction(Inference& n) {
    const Ints axes = n.has(1) ? n.ints(1) : n.node.ints_or("axes", {});
    if (axes.empty() && n.node.int_or("noop_with_empty_axes", 0) != 0) return n.out(n.shape());
    n.out(reduced(n.shape(), axes, n.node.int_or("keepdims", 1) != 0));
}

void arg_reduction(Inference& n) {
    n.out(0, DataType::int64,
          reduced(n.shape(), {n.axis(n.node.int_or("axis", 0), n.rank())}, n.node.int_or("keepdims", 1) != 0));
}

std::int64_t product(const Shape& shape, std::int64_t from, std::int64_t to) {
    return std::accumulate(shape.begin() + from, shape.begin() + to, std::int64_t{1}, std::multiplies<>());
}

void flatten(Inference& n) {
    const auto axis = n.axis(n.node.int_or("axis", 1), n.rank());
    n.out({product(n.shape(), 0, axis), product(n.shape(), axis, n.rank())});
}

void reshape(Inference& n) {
    Shape shape = n.has(1) ? n.ints(1) : n.node.ints_or("shape", {});
    const auto count = element_count(n.shape());
    std::int64_t rest = 1;
    auto inferred = shape.end();
    for (auto i = shape.begin(); i != shape.end(); ++i) {
        if (*i == 0 && n.node.int_or("allowzero", 0) == 0)
            *i = n.shape().at(static_cast<std::size_t>(i - shape.begin()));
        if (*i == -1)
            inferred = i;
        else
            rest *= *i;
    }
    if (inferred != shape.end()) *inferred = rest == 0 ? 0 : count / rest;
    if (element_count(shape) != count) throw Unknown{};
    n.out(shape);
}

void transpose(Inference& n) {
    Ints order(n.shape().size());
    std::iota(order.rbegin(), order.rend(), 0);
    order = n.node.ints_or("perm", order);
    Shape shape;
    for (const auto axis : order) shape.push_back(n.shape().at(static_cast<std::size_t>(axis)));
    n.out(shape);
}

void squeeze(Inference& n) {
    Ints axes = n.has(1) ? n.ints(1) : n.node.ints_or("axes", {});
    if (axes.empty()) {
        for (std::int64_t i = 0; i < n.rank(); ++i) {
            if (n.shape()[i] == 1) axes.push_back(i);
        }
        if (axes.empty()) return n.out(n.shape());
    }
    n.out(reduced(n.shape(), axes, false));
}

void unsqueeze(Inference& n) {
    const Ints axes = n.has(1) ? n.ints(1) : n.node.ints_or("axes", {});
    const auto rank = n.rank() + static_cast<std::int64_t>(axes.size());
    Shape shape(static_cast<std::size_t>(rank), -1);
    for (const auto axis : axes) shape.at(static_cast<std::size_t>(n.axis(axis, rank))) = 1;
    auto from = n.shape().begin();
    for (auto& dimension : shape) {
        if (dimension == -1) dimension = *from++;
    }
    n.out(shape);
}

void concat(Inference& n) {
    Shape shape = n.shape();
    const auto axis = n.axis(n.node.int_or("axis", 1), n.rank());
    for (std::size_t i = 1; i < n.node.inputs.size(); ++i) shape.at(axis) += n.shape(i).at(axis);
    n.out(shape);
}

void split(Inference& n) {
    const auto axis = n.axis(n.node.int_or("axis", 0), n.rank());
    const auto parts = static_cast<std::int64_t>(n.node.outputs.size());
    const auto size = n.shape().at(axis);
    Ints sizes = n.has(1) ? n.ints(1) : n.node.ints_or("split", {});
    if (sizes.empty()) {
        const auto each = (size + parts - 1) / parts;
        sizes.assign(parts, each);
        sizes.back() = size - each * (parts - 1);
    }
    for (std::size_t i = 0; i < n.node.outputs.size(); ++i) {
        Shape shape = n.shape();
        shape[axis] = sizes.at(i);
        n.out(i, n.in(0).type, shape);
    }
}

void slice(Inference& n) {
    const bool attributes = n.opset < 10;
    const Ints starts = attributes ? n.node.ints_or("starts", {}) : n.ints(1);
    const Ints ends = attributes ? n.node.ints_or("ends", {}) : n.ints(2);
    Ints axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = attributes ? n.node.ints_or("axes", axes) : n.has(3) ? n.ints(3) : axes;
    const Ints steps = !attributes && n.has(4) ? n.ints(4) : Ints(starts.size(), 1);
    Shape shape = n.shape();
    for (std::size_t i = 0; i < starts.size(); ++i) {
        auto& size = shape.at(n.axis(axes.at(i), n.rank()));
        const auto step = steps.at(i);
        if (step == 0) throw Unknown{};
        auto start = starts[i] < 0 ? starts[i] + size : starts[i];
        auto end = ends.at(i) < 0 ? (ends[i] < -size ? -1 : ends[i] + size) : ends[i];
        if (step > 0) {
            start = std::clamp<std::int64_t>(start, 0, size);
            end = std::clamp<std::int64_t>(end, 0, size);
            size = end > start ? (end - start + step - 1) / step : 0;
        } else {
            start = std::clamp<std::int64_t>(start, -1, size - 1);
            end = std::clamp<std::int64_t>(end, -1, size - 1);
            size = start > end ? (start - end - step - 1) / -step : 0;
        }
    }
    n.out(shape);
}

void pad(Inference& n) {
    const Ints pads = n.has(1) && n.opset >= 11 ? n.ints(1) : n.node.ints_or("pads", {});
    Ints axes(n.shape().size());
    std::iota(axes.begin(), axes.end(), 0);
    if (n.has(3)) axes = n.ints(3);
    Shape shape = n.shape();
    for (std::size_t i = 0; i < axes.size(); ++i) {
        shape.at(n.axis(axes[i], n.rank())) += pads.at(i) + pads.at(axes.size() + i);
    }
    n.out(shape);
}

void gather(Inference& n) {
    const auto axis = n.axis(n.node.int_or("axis", 0), n.rank());
    Shape shape(n.shape().begin(), n.shape().begin() + axis);
    shape.insert(shape.end(), n.shape(1).begin(), n.shape(1).end());
    shape.insert(shape.end(), n.shape().begin() + axis + 1, n.shape().end());
    n.out(shape);
}

void gather_elements(Inference& n) { n.out(n.shape(1)); }

void gather_nd(Inference& n) {
    const Shape& indices = n.shape(1);
    const auto batch = n.node.int_or("batch_dims", 0);
    Shape shape(indices.begin(), indices.end() - 1);
    shape.insert(shape.end(), n.shape().begin() + batch + indices.back(), n.shape().end());
    n.out(shape);
}

void expand(Inference& n) { n.out(broadcast(n.shape(), n.ints(1))); }

void tile(Inference& n) {
    const Ints repeats = n.ints(1);
    Shape shape = n.shape();
    for (std::size_t i = 0; i < shape.size(); ++i) shape[i] *= repeats.at(i);
    n.out(shape);
}

void cast(Inference& n) { n.out(0, static_cast<DataType>(n.node.int_or("to", 1)), n.shape()); }
void cast_like(Inference& n) { n.out(0, n.in(1).type, n.shape()); }

void resize(Inference& n) {
    const bool old = n.opset < 11 || n.node.op_type == "Upsample";
    const std::size_t scales_at = old ? 1 : 2;
    const auto policy = n.node.string_or("keep_aspect_ratio_policy", "stretch");
    Ints axes(n.shape().size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = n.node.ints_or("axes", axes);
    Shape shape = n.shape();
    if (!old && n.has(3)) {
        if (policy != "stretch") throw Unknown{};
        const Ints sizes = n.ints(3);
        for (std::size_t i = 0; i < axes.size(); ++i) shape.at(n.axis(axes[i], n.rank())) = sizes.at(i);
    } else {
        const Tensor scales =
            n.has(scales_at)
                ? n.value(scales_at).to_float32()
                : Tensor::of<float>({n.rank()}, n.node.attributes.contains("scales")
                                                    ? std::get<std::vector<float>>(n.node.attributes.at("scales"))
                                                    : throw Unknown{});
        for (std::size_t i = 0; i < axes.size(); ++i) {
            auto& size = shape.at(n.axis(axes[i], n.rank()));
            size = static_cast<std::int64_t>(std::floor(static_cast<float>(size) * scales.values<float>()[i]));
        }
    }
    n.out(shape);
}

void depth_to_space(Inference& n) {
    const auto b = n.node.int_or("blocksize", 1);
    n.out({n.shape().at(0), n.shape().at(1) / (b * b), n.shape().at(2) * b, n.shape().at(3) * b});
}
void space_to_depth(Inference& n) {
    const auto b = n.node.int_or("blocksize", 1);
    n.out({n.shape().at(0), n.shape().at(1) * b * b, n.shape().at(2) / b, n.shape().at(3) / b});
}

void quantize(Inference& n) {
    n.out(0, n.has(2) ? n.in(2).type : static_cast<DataType>(n.node.int_or("output_dtype", 2)), n.shape());
}
void dequantize(Inference& n) { n.out(0, n.in(1).type, n.shape()); }

void shape_of(Inference& n) {
    const auto start = std::clamp<std::int64_t>(n.axis(n.node.int_or("start", 0), n.rank()), 0, n.rank());
    const auto stop = std::clamp<std::int64_t>(n.axis(n.node.int_or("end", n.rank()), n.rank()), start, n.rank());
    n.out(0, DataType::int64, {stop - start});
}
void size_of(Inference& n) { n.out(0, DataType::int64, {}); }

void range(Inference& n) {
    const auto at = [&](std::size_t i) { return n.value(i).to(DataType::float64).values<double>()[0]; };
    const auto count = std::ceil((at(1) - at(0)) / at(2));
    n.out(0, n.in(0).type, {std::max<std::int64_t>(0, static_cast<std::int64_t>(count))});
}

void constant_of_shape(Inference& n) {
    const auto value = n.node.attributes.find("value");
    n.out(0, value == n.node.attributes.end() ? DataType::float32 : std::get<Tensor>(value->second).type(), n.ints(0));
}

void one_hot(Inference& n) {
    Shape shape = n.shape();
    const auto axis = n.axis(n.node.int_or("axis", -1), n.rank() + 1);
    shape.insert(shape.begin() + axis, n.ints(1).at(0));
    n.out(0, n.in(2).type, shape);
}

void top_k(Inference& n) {
    Shape shape = n.shape();
    shape.at(n.axis(n.node.int_or("axis", -1), n.rank())) = n.opset >= 10 ? n.ints(1).at(0) : n.node.int_or("k", 1);
    n.out(shape);
    n.out(1, DataType::int64, shape);
}

void constant(Inference& n) {
    const auto value = n.node.attributes.find("value");
    if (value == n.node.attributes.end()) throw Unknown{};
    const auto& tensor = std::get<Tensor>(value->second);
    n.out(0, tensor.type(), tensor.shape());
    n.known[n.node.output(0)].value = tensor;
}

const std::unordered_map<std::string_view, Rule>& rules() {
    static const auto* table = [] {
        auto* rules = new std::unordered_map<std::string_view, Rule>{
            {"Constant", constant},
            {"Conv", convolution},
            {"ConvTranspose", transposed_convolution},
            {"Gemm", gemm},
            {"MatMul", matmul},
            {"Einsum", einsum},
            {"MaxPool", pooling},
            {"AveragePool", pooling},
            {"LpPool", pooling},
            {"ArgMax", arg_reduction},
            {"ArgMin", arg_reduction},
            {"Flatten", flatten},
            {"Reshape", reshape},
            {"Transpose", transpose},
            {"Squeeze", squeeze},
            {"Unsqueeze", unsqueeze},
            {"Concat", concat},
            {"Split", split},
            {"Slice", slice},
            {"Pad", pad},
            {"Gather", gather},
            {"GatherElements", gather_elements},
            {"GatherND", gather_nd},
            {"ScatterND", same},
            {"ScatterElements", same},
            {"Scatter", same},
            {"Expand", expand},
            {"Tile", tile},
            {"Cast", cast},
            {"CastLike", cast_like},
            {"Resize", resize},
            {"Upsample", resize},
            {"DepthToSpace", depth_to_space},
            {"SpaceToDepth", space_to_depth},
            {"QuantizeLinear", quantize},
            {"DequantizeLinear", dequantize},
            {"Shape", shape_of},
            {"Size", size_of},
            {"Range", range},
            {"ConstantOfShape", constant_of_shape},
            {"OneHot", one_hot},
            {"TopK", top_k},
            {"Where", where},
            {"Dropout", dropout},
            {"LayerNormalization", layer_normalization},
        };
        for (const auto* op : {"Relu",
                               "LeakyRelu",
                               "Elu",
                               "Selu",
                               "Celu",
                               "ThresholdedRelu",
                               "Clip",
                               "Sigmoid",
                               "HardSigmoid",
                               "HardSwish",
                               "Mish",
                               "Swish",
                               "Tanh",
                               "Softplus",
                               "Softsign",
                               "Erf",
                               "Gelu",
                               "Exp",
                               "Log",
                               "Sqrt",
                               "Reciprocal",
                               "Abs",
                               "Neg",
                               "Sign",
                               "Floor",
                               "Ceil",
                               "Round",
                               "Sin",
                               "Cos",
                               "Tan",
                               "Asin",
                               "Acos",
                               "Atan",
                               "Sinh",
                               "Cosh",
                               "Asinh",
                               "Acosh",
                               "Atanh",
                               "Softmax",
                               "LogSoftmax",
                               "Hardmax",
                               "Identity",
                               "BatchNormalization",
                               "InstanceNormalization",
                               "GroupNormalization",
                               "LRN",
                               "LpNormalization",
                               "MeanVarianceNormalization",
                               "Not",
                               "CumSum",
                               "Trilu",
                               "PRelu",
                               "RMSNormalization"}) {
            rules->emplace(op, same);
        }
        for (const auto* op : {"IsNaN", "IsInf"}) rules->emplace(op, to_bool);
        for (const auto* op : {"Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Sum", "Mean"})
            rules->emplace(op, elementwise);
        for (const auto* op : {"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor"})
            rules->emplace(op, comparison);
        for (const auto* op : {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"})
            rules->emplace(op, global_pooling);
        for (const auto* op : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
                               "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"}) {
            rules->emplace(op, reduction);
        }
        return rules;
    }();
    return *table;
}

}  // namespace

bool infer_node(const Node& node, std::int64_t opset, KnownTensors& known) {
    if (!node.domain.empty()) return false;
    const auto rule = rules().find(node.op_type);
    if (rule == rules().end()) return false;
    try {
        Inference inference{node, opset, known};
        rule->second(inference);
        if (node.output(0).empty()) return true;
        KnownTensor& result = known.at(node.output(0));
        if (!result.value) result.value = evaluate_node(node, opset, known, result);
        return true;
    } catch (const Unknown&) {
        return false;
    } catch (const std::out_of_range&) {
        return false;  // an input or attribute shorter than the operator needs
    } catch (const std::bad_variant_access&) {
        return false;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace locus::model
