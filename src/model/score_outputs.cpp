#include "model/score_outputs.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/global_pool.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

bool is_any_of(const Node& node, std::initializer_list<std::string_view> types) {
    return std::any_of(types.begin(), types.end(), [&](std::string_view type) { return node.is(type); });
}

/// How many axes a declared shape has beside those of extent 1; of the batch and the classes at least. nullopt where no
/// shape is declared.
std::optional<std::size_t> rank_of(const ValueInfo& info) {
    if (!info.shape) return std::nullopt;
    std::size_t rank = info.shape->size();
    for (std::size_t axis = 1; axis < info.shape->size() && rank > 2; ++axis)
        if ((*info.shape)[axis].value == 1) --rank;
    return rank;
}

/// How one tensor is made from another.
enum class Way {
    none,      ///< it is not
    kept,      ///< element by element: softmax, a factor, a permutation
    picked,    ///< by nothing but picking, sorting or reducing over the classes
    computed,  ///< by a layer, or together with something else
};

/// Tells how all tensors are made from one, [n, classes] or [n, classes, h, w].
class WayFinder {
public:
    WayFinder(const Graph& graph, const Index& index, const std::string& from, std::size_t rank)
        : graph_(graph), rank_(rank), behind_(index.descendants(from)) {
        for (const ValueInfo& input : graph.inputs) variable_.merge(index.descendants(input.name));
        ways_[from] = Way::kept;
        for (const Node& node : graph.nodes) {
            if (!std::ranges::any_of(node.reads(), [&](const std::string& name) { return behind_.contains(name); }))
                continue;
            const Way way = way_of(node);
            for (const std::string& name : node.outputs)
                if (name != from) ways_.try_emplace(name, way);
        }
    }

    Way to(const std::string& tensor) const {
        const auto found = ways_.find(tensor);
        return found == ways_.end() ? Way::none : found->second;
    }

private:
    Way way_of(const Node& node) const {
        bool is_kept = false;
        for (const std::string& name : node.reads()) {
            const Way way = to(name);
            if (way == Way::computed) return way;
            // The mean of two heads is more than a reduction of one.
            if (way == Way::none && variable_.contains(name)) return Way::computed;
            is_kept = is_kept || way == Way::kept;
        }
        if (is_layer(node)) return Way::computed;
        return is_kept && !picks(node) ? Way::kept : Way::picked;
    }

    bool is_layer(const Node& node) const {
        if (is_any_of(node, {"Gemm", "MatMul", "Conv", "ConvTranspose", "Einsum", "If", "Loop", "Scan", "QLinearConv",
                             "QLinearMatMul", "ConvInteger", "MatMulInteger"}))
            return true;
        // A matrix laid over a vector, as distances to prototypes are computed: not a factor a class.
        return std::ranges::any_of(node.inputs, [&](const std::string& name) {
            const Tensor* constant = graph_.find_constant(name);
            if (constant == nullptr || !is_any_of(node, {"Add", "Sub", "Mul", "Div"})) return false;
            return std::ranges::count_if(constant->shape(), [](std::int64_t extent) { return extent > 1; }) > 1;
        });
    }

    bool is_class_axis(std::int64_t axis) const {
        return axis == 1 || (rank_ == 2 ? axis == -1 : axis == 1 - static_cast<std::int64_t>(rank_));
    }

    bool picks(const Node& node) const {
        if (is_any_of(node, {"TopK", "ArgMax", "ArgMin", "Hardmax", "GatherElements", "GatherND", "Compress",
                             "NonMaxSuppression", "Multinomial", "Unique", "NonZero"}))
            return true;
        if (node.is("Gather")) return is_class_axis(node.int_or("axis", 0));
        if (!node.op_type.starts_with("Reduce")) return false;
        const auto axes = reduced_axes(graph_, node);
        if (!axes || rank_ == 2) return !axes || std::ranges::any_of(*axes, [&](auto a) { return is_class_axis(a); });
        return axes->size() == 1 && is_class_axis(axes->front());  // over rows and columns it is a pool
    }

    const Graph& graph_;
    std::size_t rank_;
    std::unordered_set<std::string> behind_, variable_;
    std::map<std::string, Way> ways_;
};

bool is_called_scores(const std::string& name) {
    return name == "logits" || name == "scores" || name == "probabilities";
}

/// What a tensor is that does not tell scores by their classes, and the tensor that it is made from.
struct Unsorted {
    std::string what, scores;
};

std::optional<Unsorted> picked_from(const Graph& graph, const Index& index, std::string tensor) {
    while (const Node* node = index.producer(tensor)) {
        if (is_any_of(*node, {"ArgMax", "ArgMin"})) return Unsorted{"class numbers", node->input(0)};
        if (node->is("TopK"))
            return Unsorted{node->output(0) == tensor ? "sorted values" : "class numbers", node->input(0)};
        // Names or numbers looked up.
        const bool looks_up = node->is("Gather") && graph.find_constant(node->input(0)) && node->inputs.size() > 1;
        if (!looks_up && !is_any_of(*node, {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}))
            return std::nullopt;
        tensor = node->input(looks_up ? 1 : 0);
    }
    return std::nullopt;
}

}  // namespace

std::vector<std::string> score_outputs(const Model& model) {
    const Index index(model.graph);
    std::vector<std::string> names;
    std::size_t rank = 2;
    for (const std::size_t wanted : {2U, 4U, 0U}) {
        for (const ValueInfo& info : model.graph.outputs) {
            const bool is_float =
                info.type == DataType::float32 || info.type == DataType::float16 || info.type == DataType::float64;
            const auto found = rank_of(info);
            if (is_float && (!found || *found == wanted || wanted == 0)) names.push_back(info.name);
        }
        if (names.empty()) continue;
        rank = wanted == 4 ? 4 : 2;
        break;
    }
    std::unordered_set<std::string> lesser;
    for (const std::string& from : names) {
        const WayFinder ways(model.graph, index, from, rank);
        for (const std::string& to : names) {
            if (to == from) continue;
            switch (ways.to(to)) {
                case Way::none:
                    break;
                case Way::picked:
                    lesser.insert(to);
                    break;
                case Way::computed:
                    if (!is_called_scores(from) || is_called_scores(to)) lesser.insert(from);
                    break;
                case Way::kept:
                    lesser.insert(from);
                    break;
            }
        }
    }
    std::erase_if(names, [&](const std::string& name) { return lesser.contains(name); });
    std::stable_partition(names.begin(), names.end(), is_called_scores);
    return names;
}

void require_scores(const Model& model, const std::string& tensor) {
    const auto found = picked_from(model.graph, Index(model.graph), tensor);
    if (found) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("the output {} holds {}, not a score for each class: --output {} explains the scores "
                                "that they are made from",
                                text::quote(tensor), found->what, text::printable(found->scores)));
    }
    const ValueInfo* output = model.graph.find_output(tensor);
    if (output == nullptr) return;
    const DataType type = output->type;
    if (type == DataType::int64 || type == DataType::int32 || type == DataType::boolean || output->other_type)
        throw Error(ErrorKind::unsupported,
                    fmt::format("the output {} holds {}, not a score for each class: --output names the tensor that "
                                "holds scores",
                                text::quote(tensor),
                                output->other_type ? "no tensor" : fmt::format("{} numbers", locus::name(type))));
}

}  // namespace locus::model
