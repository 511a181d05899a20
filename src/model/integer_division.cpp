#include "model/integer_division.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

bool is_integer(DataType type) {
    switch (type) {
        case DataType::int8:
        case DataType::int16:
        case DataType::int32:
        case DataType::int64:
        case DataType::uint8:
        case DataType::uint16:
        case DataType::uint32:
        case DataType::uint64:
            return true;
        default:
            return false;
    }
}

/// The least number, where dividing it by -1 traps: smaller types are divided as int32.
std::optional<std::int64_t> trapping_dividend(DataType type) {
    if (type == DataType::int32) return std::numeric_limits<std::int32_t>::min();
    if (type == DataType::int64) return std::numeric_limits<std::int64_t>::min();
    return std::nullopt;
}

bool holds(const Tensor& tensor, std::int64_t number) {
    const std::vector<std::int64_t> values = tensor.to_int64s();
    return std::find(values.begin(), values.end(), number) != values.end();
}

/// What is known of the tensor's numbers: constants, of whatever size, and shape arithmetic.
const Tensor* value_of(const std::string& tensor, const Graph& graph, const Shapes& shapes) {
    const Tensor* constant = graph.find_constant(tensor);
    return constant != nullptr ? constant : shapes.value(tensor);
}

/// True where nothing can trap. Throws where there is no result.
bool is_safe(const Node& node, DataType type, const Graph& graph, const Shapes& shapes) {
    const Tensor* dividend = value_of(node.input(0), graph, shapes);
    const Tensor* divisor = value_of(node.input(1), graph, shapes);
    if (divisor != nullptr && holds(*divisor, 0))
        throw Error(ErrorKind::model, fmt::format("node {} divides whole numbers by zero", node.description()));
    const std::optional<std::int64_t> least = trapping_dividend(type);
    if (!least || (dividend != nullptr && !holds(*dividend, *least)) || (divisor != nullptr && !holds(*divisor, -1)))
        return true;
    if (dividend == nullptr || divisor == nullptr) return false;
    throw Error(ErrorKind::model, fmt::format("node {} divides {}, the least {}, by -1, which has no result",
                                              node.description(), *least, name(type)));
}

/// The divisor with 1 in the place of a -1 that would trap.
std::string safe_divisor(const Node& node, DataType type, NodeWriter& write) {
    const auto number = [&](std::int64_t value) { return write.constant(Tensor::scalar(value).to(type)); };
    const std::string traps = write.node("And", {write.node("Equal", {node.input(0), number(*trapping_dividend(type))}),
                                                 write.node("Equal", {node.input(1), number(-1)})});
    const std::string as_number = write.cast(traps, type);
    // Where came with opset 9.
    return write.node("Add", {node.input(1), write.node("Mul", {as_number, number(2)})});
}

Shapes what_is_known(const Model& model, const std::map<std::string, Shape>& input_shapes) {
    try {
        return infer_shapes(model, input_shapes);
    } catch (const Error&) {
        Shapes of_constants;
        of_constants.update(model);
        return of_constants;
    }
}

}  // namespace

void guard_integer_divisions(Model& model, const std::map<std::string, Shape>& input_shapes) {
    Graph& graph = model.graph;
    const auto divides = [](const Node& node) { return (node.is("Div") || node.is("Mod")) && node.inputs.size() == 2; };
    if (std::none_of(graph.nodes.begin(), graph.nodes.end(), divides)) return;
    const Shapes shapes = what_is_known(model, input_shapes);
    NodeWriter write(graph, "division");
    bool written = false;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (!divides(graph.nodes[i])) continue;
        const Node node = graph.nodes[i];  // writing moves the nodes
        const std::string& typed = shapes.contains(node.input(1)) ? node.input(1) : node.input(0);
        if (!shapes.contains(typed)) continue;
        const DataType type = shapes.type(typed);
        if (!is_integer(type) || is_safe(node, type, graph, shapes)) continue;
        std::string divisor = safe_divisor(node, type, write);
        graph.nodes[i].inputs[1] = std::move(divisor);
        written = true;
    }
    if (written) sort_topologically(graph);
}

}  // namespace locus::model
