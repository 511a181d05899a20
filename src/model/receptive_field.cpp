#include "model/receptive_field.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <unordered_set>
#include <vector>

#include "model/global_pool.hpp"

namespace locus::model {
namespace {

constexpr double everything = std::numeric_limits<double>::infinity();

/// What a position sees along rows and columns of the image, which kernels of 1 x 7 and 7 x 1 treat apart, and where the
/// tensor's rows and columns lie.
struct Sight {
    std::array<double, 2> size{1, 1}, stride{1, 1};
    std::array<std::int64_t, 2> extents{-1, -1};  ///< rows and columns of the map; -1 where they are not known
    /// The tensor's axes of rows and columns; the same one twice for positions in a row, -1 where it is not known.
    std::array<std::int64_t, 2> axes{-1, -1};

    bool has_positions_along(std::int64_t axis) const { return axis == axes[0] || axis == axes[1]; }
};

std::optional<Shape> shape_of(const Shapes& shapes, const std::string& tensor) {
    if (!shapes.contains(tensor)) return std::nullopt;
    return shapes.shape(tensor);
}

/// Kernel extents of a convolution or pool, dilation included; empty where the node has none.
std::vector<std::int64_t> kernel_extents(const Node& node, const Shapes& shapes) {
    std::vector<std::int64_t> kernel = node.ints_or("kernel_shape", {});
    const bool quantized = node.is("QLinearConv");
    if (kernel.empty() && (quantized || node.op_type.starts_with("Conv"))) {
        if (const auto weight = shape_of(shapes, node.input(quantized ? 3 : 1)); weight && weight->size() > 2)
            kernel.assign(weight->begin() + 2, weight->end());
    }
    const auto dilations = node.ints_or("dilations", std::vector<std::int64_t>(kernel.size(), 1));
    for (std::size_t i = 0; i < kernel.size() && i < dilations.size(); ++i)
        kernel[i] = (kernel[i] - 1) * dilations[i] + 1;
    return kernel;
}

/// Follows what positions see from the input through the graph.
class SightReader {
public:
    SightReader(const Graph& graph, const Shapes& shapes, const std::string& input)
        : graph_(graph), shapes_(shapes), input_(input), variable_(Index(graph).descendants(input)) {
        Sight of_input;
        if (const auto shape = shape_of(shapes, input); shape && shape->size() == 4) {
            const bool channels_last = (*shape)[3] <= 4 && (*shape)[1] > 4;
            of_input.axes = channels_last ? std::array<std::int64_t, 2>{1, 2} : std::array<std::int64_t, 2>{2, 3};
            measure(of_input, *shape);
        }
        sights_[input] = of_input;
    }

    void read(const Node& node) {
        const auto out = shape_of(shapes_, node.output(0));
        // Of rank 2 there are the rows of all tokens, [n tokens, K]; vectors, [n, K], have no positions.
        if (!out || out->size() < 2 || (out->size() == 2 && shapes_.shares_first(node.output(0), input_))) return;
        std::vector<const std::string*> data;
        for (const std::string& tensor : node.inputs)
            if (sights_.contains(tensor) && shapes_.contains(tensor)) data.push_back(&tensor);
        // A gate of one position beside a whole map says nothing about where the map looks.
        const auto is_gate = [&](const std::string* tensor) {
            return sights_.at(*tensor).extents == std::array<std::int64_t, 2>{1, 1};
        };
        if (!std::ranges::all_of(data, is_gate)) std::erase_if(data, is_gate);
        std::optional<Sight> sight;
        for (const std::string* tensor : data) {
            const Sight next = behind(node, *tensor, *out);
            if (!sight || greatest(next) > greatest(*sight)) {
                const auto before = sight;
                sight = next;
                if (before) enlarge(*sight, *before);
            } else {
                enlarge(*sight, next);
            }
        }
        if (!sight) return;
        for (const std::string& tensor : node.outputs) sights_[tensor] = *sight;
    }

    std::unordered_map<std::string, ReceptiveField> fields() const {
        std::unordered_map<std::string, ReceptiveField> fields;
        for (const auto& [tensor, sight] : sights_)
            if (shapes_.contains(tensor) && shapes_.rank(tensor) > 2)
                fields[tensor] = {.size = greatest(sight), .stride = sight.stride[1]};
        return fields;
    }

private:
    static double greatest(const Sight& sight) { return std::max(sight.size[0], sight.size[1]); }

    static void enlarge(Sight& sight, const Sight& other) {
        for (const std::size_t i : {0U, 1U}) sight.size[i] = std::max(sight.size[i], other.size[i]);
    }

    /// Windows and heads, and products of attention, are no map: what rows and columns there were stays remembered.
    bool is_map(const Node& node) const {
        return shapes_.shares_first(node.output(0), input_) && !is_product_of_variables(node);
    }

    bool is_product_of_variables(const Node& node) const {
        return is_product(node) && std::ranges::count_if(node.inputs, [&](const std::string& name) {
                                       return variable_.contains(name);
                                   }) > 1;
    }

    static bool is_product(const Node& node) {
        return node.is("MatMul") || node.is("Gemm") || node.is("Einsum") || node.is("MatMulInteger") ||
               node.is("QLinearMatMul");
    }

    static void measure(Sight& sight, const Shape& shape) {
        if (sight.axes[0] < 0 || sight.axes[0] == sight.axes[1]) return;  // in a row the map's extents stay
        for (const std::size_t i : {0U, 1U}) sight.extents[i] = shape[static_cast<std::size_t>(sight.axes[i])];
    }

    /// Where rows and columns lie in what a node makes.
    static void locate(const Node& node, Sight& sight, const Shape& in, const Shape& out) {
        using Axes = std::array<std::int64_t, 2>;
        const Axes before = sight.axes;
        const auto [rows, columns] = sight.extents;
        if (node.is("Transpose") && before[0] >= 0) {
            const auto perm = node.ints_or("perm", {});
            for (const std::size_t i : {0U, 1U}) {
                const auto at = std::find(perm.begin(), perm.end(), before[i]);
                sight.axes[i] = at == perm.end() ? static_cast<std::int64_t>(in.size()) - 1 - before[i]
                                                 : static_cast<std::int64_t>(at - perm.begin());
            }
            return;
        }
        if (in.size() == out.size() && !node.is("Reshape") && before[0] >= 0) return;
        sight.axes = {-1, -1};
        const bool were_last = before[0] >= 2;
        if (out.size() == 4) {
            const bool first = out[2] == rows && out[3] == columns, last = out[1] == rows && out[2] == columns;
            if (first || last) sight.axes = first && (!last || were_last) ? Axes{2, 3} : Axes{1, 2};
        } else if (out.size() == 3) {
            const bool first = out[2] == rows * columns, last = out[1] == rows * columns;
            if (first || last) sight.axes = first && (!last || were_last) ? Axes{2, 2} : Axes{1, 1};
        }
    }

    bool mixes_all_positions(const Node& node, const std::string& tensor, const Sight& sight, const Shape& in) const {
        if (node.op_type.starts_with("Global") || node.op_type.find("Attention") != std::string::npos ||
            node.is("Flatten"))
            return true;
        if (is_product_of_variables(node)) return true;
        if (is_product(node)) {
            if (node.is("Einsum")) return false;
            const auto rank = static_cast<std::int64_t>(in.size());
            return sight.has_positions_along(node.input(0) == tensor ? rank - 1 : rank - 2);
        }
        if (!node.op_type.starts_with("Reduce")) return false;
        const auto axes = reduced_axes(graph_, node);
        if (!axes) return true;
        return std::ranges::any_of(*axes, [&](std::int64_t axis) {
            const std::int64_t at = positive_axis(axis, in.size());
            // Of tokens that nothing is known of, the last axis holds the features.
            return sight.axes[0] < 0 ? at + 1 != static_cast<std::int64_t>(in.size()) : sight.has_positions_along(at);
        });
    }

    /// Steps of a Slice along the map's axes; 1 where they are not known.
    std::array<double, 2> slice_steps(const Node& node, const Sight& sight, const Shape& in) const {
        std::array<double, 2> steps{1, 1};
        const Tensor* step = graph_.find_constant(node.input(4));
        const Tensor* axes = graph_.find_constant(node.input(3));
        if (step == nullptr || step->type() != DataType::int64) return steps;
        const auto values = step->values<std::int64_t>();
        for (std::size_t i = 0; i < values.size(); ++i) {
            auto axis = static_cast<std::int64_t>(i);
            if (axes != nullptr && axes->type() == DataType::int64 && i < axes->values<std::int64_t>().size())
                axis = positive_axis(axes->values<std::int64_t>()[i], in.size());
            for (const std::size_t k : {0U, 1U}) {
                if (sight.axes[0] != sight.axes[1] && axis == sight.axes[k])
                    steps[k] = std::max(1.0, static_cast<double>(values[i]));
            }
        }
        return steps;
    }

    Sight behind(const Node& node, const std::string& tensor, const Shape& out) const {
        const Shape in = shapes_.shape(tensor);
        Sight sight = sights_.at(tensor);
        if (const auto kernel = kernel_extents(node, shapes_); !kernel.empty()) {
            const auto strides = node.ints_or("strides", std::vector<std::int64_t>(kernel.size(), 1));
            const bool enlarges = node.is("ConvTranspose");
            // The last axis of the kernel is that of the columns, the one before it that of the rows.
            for (std::size_t i = 0; i < std::min<std::size_t>(kernel.size(), 2); ++i) {
                const std::size_t along = 1 - i, at = kernel.size() - 1 - i;
                const auto reach = static_cast<double>(kernel[at] - 1);
                const auto step = static_cast<double>(at < strides.size() ? std::max<std::int64_t>(strides[at], 1) : 1);
                sight.size[along] += (enlarges ? reach / step : reach) * sight.stride[along];
                sight.stride[along] *= enlarges ? 1 / step : step;
            }
            if (out.size() == 4) sight.axes = {2, 3};
            measure(sight, out);
            return sight;
        }
        if (mixes_all_positions(node, tensor, sight, in)) sight.size = {everything, everything};
        if (node.is("Slice")) {
            const auto steps = slice_steps(node, sight, in);
            for (const std::size_t i : {0U, 1U}) sight.stride[i] *= steps[i];
        }
        const auto before = sight.extents;
        if (is_map(node)) {
            locate(node, sight, in, out);
            measure(sight, out);
        } else {
            sight.axes = {-1, -1};
        }
        if (node.is("Resize") || node.is("Upsample") || node.is("SpaceToDepth") || node.is("DepthToSpace")) {
            for (const std::size_t i : {0U, 1U}) {
                if (before[i] < 1 || sight.extents[i] < 1) continue;
                const double ratio = static_cast<double>(before[i]) / static_cast<double>(sight.extents[i]);
                sight.stride[i] *= ratio >= 1 ? std::round(ratio) : ratio;
            }
        }
        return sight;
    }

    const Graph& graph_;
    const Shapes& shapes_;
    const std::string& input_;
    std::unordered_set<std::string> variable_;
    std::unordered_map<std::string, Sight> sights_;
};

}  // namespace

std::unordered_map<std::string, ReceptiveField> receptive_fields(const Graph& graph, const Shapes& shapes,
                                                                 const std::string& input) {
    SightReader reader(graph, shapes, input);
    for (const Node& node : graph.nodes) reader.read(node);
    return reader.fields();
}

}  // namespace locus::model
