#include "model/global_pool.hpp"

#include <algorithm>
#include <numeric>

namespace locus::model {
namespace {

bool sees_whole_map(const Node& node, const Shape& input) {
    const auto window = node.ints_or("kernel_shape", {}), pads = node.ints_or("pads", {}),
               dilations = node.ints_or("dilations", {});
    const auto is_zero = [](std::int64_t value) { return value == 0; };
    const auto is_one = [](std::int64_t value) { return value == 1; };
    return input.size() > 2 && std::equal(window.begin(), window.end(), input.begin() + 2, input.end()) &&
           std::ranges::all_of(pads, is_zero) && std::ranges::all_of(dilations, is_one);
}

}  // namespace

Pool pool_of(const Node& node) {
    if (node.is("GlobalAveragePool") || node.is("ReduceMean") || node.is("AveragePool")) return Pool::mean;
    if (node.is("GlobalMaxPool") || node.is("ReduceMax") || node.is("MaxPool")) return Pool::max;
    return node.is("ReduceSum") ? Pool::sum : Pool::none;
}

std::optional<std::vector<std::int64_t>> reduced_axes(const Graph& graph, const Node& node) {
    if (node.has("axes")) return node.ints_or("axes", {});
    if (const Tensor* constant = graph.find_constant(node.input(1))) return constant->to_int64s();
    return std::nullopt;
}

std::vector<std::int64_t> fully_pooled_axes(const Graph& graph, const Node& node, const Shape& input) {
    if (pool_of(node) == Pool::none) return {};
    const auto rank = static_cast<std::int64_t>(input.size());
    if (node.op_type.starts_with("Reduce")) {
        auto axes = reduced_axes(graph, node).value_or(std::vector<std::int64_t>{});
        for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
        std::ranges::sort(axes);
        return axes;
    }
    if (!node.op_type.starts_with("Global") && !sees_whole_map(node, input)) return {};
    std::vector<std::int64_t> axes(static_cast<std::size_t>(std::max<std::int64_t>(rank - 2, 0)));
    std::iota(axes.begin(), axes.end(), 2);
    return axes;
}

}  // namespace locus::model
