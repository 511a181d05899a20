#include "model/known_branches.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "locus/error.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

bool all_fixed(const Shape& sizes) {
    return std::none_of(sizes.begin(), sizes.end(), [](std::int64_t size) { return size < 0; });
}

/// A place among `count` elements, as operators write it: from the end where negative, cut off at both ends.
std::int64_t place(std::int64_t given, std::int64_t count) {
    return std::clamp<std::int64_t>(given < 0 ? given + count : given, 0, count);
}

/// Goes through the nodes in order, with what is known of tensors so far.
class Chooser {
public:
    /// Takes the nodes out of the model.
    Chooser(Model& model, const Shapes& of_inputs)
        : graph_(model.graph),
          opset_(model.opset()),
          shapes_(of_inputs),
          waiting_(std::make_move_iterator(graph_.nodes.begin()), std::make_move_iterator(graph_.nodes.end())) {
        graph_.nodes.clear();
        for (const ValueInfo& input : graph_.inputs) taken_.insert(input.name);
        for (const auto& [name, tensor] : graph_.initializers) fixed_.insert(name);
        for (const auto& [name, tensor] : graph_.other_initializers) fixed_.insert(name);
        taken_.insert(fixed_.begin(), fixed_.end());
        for (const Node& node : waiting_) take_names(node);
    }

    /// Puts the nodes back, branches in the place of Ifs. True where there were any that are known.
    bool run() {
        bool any = false;
        while (!waiting_.empty()) {
            Node node = std::move(waiting_.front());
            waiting_.pop_front();
            std::optional<Graph> branch = branch_taken(node);
            if (branch) {
                put_in(std::move(*branch));
                any = true;
                continue;
            }
            look_at(node);
            graph_.nodes.push_back(std::move(node));
        }
        return any;
    }

private:
    void take_names(const Node& node) {
        taken_.insert(node.outputs.begin(), node.outputs.end());
        count_names_inside(node, 1);
    }

    void count_names_inside(const Node& node, int change) {
        for (const auto& [key, attribute] : node.attributes) {
            const auto* opaque = std::get_if<Opaque>(&attribute);
            if (opaque == nullptr) continue;
            for (const std::string& name : names_inside(*opaque)) inside_[name] += change;
        }
    }

    std::optional<Graph> branch_taken(const Node& node) {
        if (!node.is("If") || !fixed_.contains(node.input(0))) return std::nullopt;
        const Tensor* condition = shapes_.value(node.input(0));
        if (condition == nullptr || condition->type() != DataType::boolean || condition->size() != 1)
            return std::nullopt;
        const bool holds = condition->bytes().front() != std::byte{0};
        const auto attribute = node.attributes.find(holds ? "then_branch" : "else_branch");
        if (attribute == node.attributes.end()) return std::nullopt;
        const auto* graph = std::get_if<Opaque>(&attribute->second);
        if (graph == nullptr) return std::nullopt;
        count_names_inside(node, -1);  // its own are free
        auto branch = read_branch(*graph, node.outputs, [&](const std::string& name) {
            const auto found = inside_.find(name);
            return taken_.contains(name) || (found != inside_.end() && found->second > 0);
        });
        if (!branch) count_names_inside(node, 1);
        return branch;
    }

    void put_in(Graph branch) {
        for (auto& [name, tensor] : branch.initializers) {
            shapes_.set_constant(name, tensor);
            fixed_.insert(name);
            taken_.insert(name);
            graph_.initializers.emplace(name, std::move(tensor));
        }
        for (auto& [name, tensor] : branch.other_initializers) {
            fixed_.insert(name);
            taken_.insert(name);
            graph_.other_initializers.emplace(name, std::move(tensor));
        }
        for (const Node& node : branch.nodes) take_names(node);
        waiting_.insert(waiting_.begin(), std::make_move_iterator(branch.nodes.begin()),
                        std::make_move_iterator(branch.nodes.end()));
    }

    void look_at(const Node& node) {
        shapes_.infer(node, opset_);
        if (!follows_no_batch(node)) return;
        for (const std::string& output : node.outputs) {
            if (!output.empty()) fixed_.insert(output);
        }
    }

    /// Whether what the node makes is the same for batches of any size, and not only for those for which shapes are
    /// worked out. Keeps the sizes that a Shape gives where only some follow the batch.
    bool follows_no_batch(const Node& node) {
        if (node.is("Shape") || node.is("Size")) {
            std::optional<Shape> sizes = sizes_of(node);
            if (!sizes) return false;
            if (all_fixed(*sizes)) return true;
            if (node.is("Shape")) sizes_.emplace(node.output(0), std::move(*sizes));
            return false;
        }
        if (const auto sizes = sizes_.find(node.input(0)); sizes != sizes_.end()) {
            if (node.is("Gather")) return picks_fixed(node, sizes->second);
            if (node.is("Slice")) return cuts_fixed(node, Shape(sizes->second));
            return false;
        }
        const std::vector<std::string> reads = node.reads();
        return std::all_of(reads.begin(), reads.end(), [&](const std::string& read) { return fixed_.contains(read); });
    }

    /// Those that Shape or Size read, -1 where they follow the batch.
    std::optional<Shape> sizes_of(const Node& node) const {
        if (!shapes_.contains(node.input(0))) return std::nullopt;
        try {
            const Shape shape = shapes_.shape(node.input(0));
            const auto rank = static_cast<std::int64_t>(shape.size());
            const auto begin = place(node.int_or("start", 0), rank), end = place(node.int_or("end", rank), rank);
            return Shape(shape.begin() + begin, shape.begin() + std::max(begin, end));
        } catch (const Error&) {
            return std::nullopt;  // the rank follows the batch
        }
    }

    std::optional<std::vector<std::int64_t>> integers(const std::string& tensor) const {
        const Tensor* value = fixed_.contains(tensor) ? shapes_.value(tensor) : nullptr;
        if (value == nullptr || (value->type() != DataType::int32 && value->type() != DataType::int64))
            return std::nullopt;
        return value->to_int64s();
    }

    bool picks_fixed(const Node& node, const Shape& sizes) const {
        const auto indices = integers(node.input(1));
        const auto count = static_cast<std::int64_t>(sizes.size());
        return indices && std::all_of(indices->begin(), indices->end(), [&](std::int64_t i) {
                   if (i < 0) i += count;
                   return i >= 0 && i < count && sizes[static_cast<std::size_t>(i)] >= 0;
               });
    }

    bool cuts_fixed(const Node& node, const Shape& sizes) {
        const auto bound = [&](std::size_t i, std::int64_t fallback) -> std::optional<std::int64_t> {
            if (node.input(i).empty()) return fallback;
            const auto values = integers(node.input(i));
            return values && values->size() == 1 ? std::optional(values->front()) : std::nullopt;
        };
        const auto count = static_cast<std::int64_t>(sizes.size());
        const auto begin = bound(1, 0), end = bound(2, count), step = bound(4, 1);
        if (opset_ < 10 || !begin || !end || step != 1) return false;
        Shape part(sizes.begin() + place(*begin, count),
                   sizes.begin() + std::max(place(*begin, count), place(*end, count)));
        if (all_fixed(part)) return true;
        sizes_.emplace(node.output(0), std::move(part));
        return false;
    }

    Graph& graph_;
    std::int64_t opset_;
    Shapes shapes_;
    std::deque<Node> waiting_;
    std::unordered_set<std::string> taken_;         ///< names of the graph itself
    std::unordered_map<std::string, int> inside_;   ///< names inside of subgraphs, and of how many
    std::unordered_set<std::string> fixed_;         ///< tensors whose numbers follow no batch and no photo
    std::unordered_map<std::string, Shape> sizes_;  ///< what Shape and cuts of it give, -1 where it follows the batch
};

}  // namespace

void take_known_branches(Model& model, const std::map<std::string, Shape>& input_shapes) {
    Graph& graph = model.graph;
    if (std::none_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) { return node.is("If"); })) return;
    std::vector<Node> nodes = std::move(graph.nodes);
    graph.nodes.clear();
    std::optional<Shapes> of_inputs;
    try {
        of_inputs = infer_shapes(model, input_shapes);
    } catch (const Error&) {
        // what is wrong is said where shapes are needed
    }
    graph.nodes = std::move(nodes);
    if (of_inputs && Chooser(model, *of_inputs).run()) {
        sort_topologically(graph);
        remove_unused(graph);
    }
}

}  // namespace locus::model
