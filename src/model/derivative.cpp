#include "model/derivative.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "model/derivative_rules/rule.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

/// Which tensors carry a gradient: those computed from a wanted tensor, through numbers that can change smoothly, on
/// the way to a seeded one.
class Paths {
public:
    Paths(const Graph& graph, const Shapes& shapes, const std::vector<Seed>& seeds,
          const std::vector<std::string>& wanted) {
        from_wanted_.insert(wanted.begin(), wanted.end());
        for (const Node& node : graph.nodes) {
            const auto depends = [&](const std::string& input) { return from_wanted_.contains(input); };
            const std::vector<std::string> reads = node.reads();
            if (!std::any_of(reads.begin(), reads.end(), depends)) continue;
            for (const auto& output : node.outputs) {
                if (!output.empty() && carries(node, output, shapes)) from_wanted_.insert(output);
            }
        }
        for (const Seed& seed : seeds) {
            if (from_wanted_.contains(seed.tensor)) on_path_.insert(seed.tensor);
        }
        for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
            const auto leads = [&](const std::string& output) { return on_path_.contains(output); };
            if (!std::any_of(node->outputs.begin(), node->outputs.end(), leads)) continue;
            for (const auto& input : node->reads()) {
                if (from_wanted_.contains(input)) on_path_.insert(input);
            }
        }
    }

    bool on_path(const std::string& tensor) const { return on_path_.contains(tensor); }

    /// Whether a gradient passes through the node.
    bool leads_through(const Node& node) const {
        const auto is_on_path = [&](const std::string& tensor) { return on_path(tensor); };
        const std::vector<std::string> reads = node.reads();
        return std::any_of(node.outputs.begin(), node.outputs.end(), is_on_path) &&
               std::any_of(reads.begin(), reads.end(), is_on_path);
    }

private:
    /// Integers and booleans end a path, quantized numbers do not.
    bool carries(const Node& node, const std::string& output, const Shapes& shapes) {
        if (steps(node)) return false;
        if (!shapes.contains(output) || shapes.is_float(output)) return true;
        if (node.is("QuantizeLinear") && output == node.output(0))
            quantized_.insert(output);
        else if (!node.inputs.empty() && quantized_.contains(node.input(0)) && output == node.output(0) &&
                 shapes.type(output) == shapes.type(node.input(0))) {
            quantized_.insert(output);
        }
        return quantized_.contains(output);
    }

    /// Operators whose derivative is 0 wherever they have one.
    static bool steps(const Node& node) {
        return node.is("Sign") || node.is("Floor") || node.is("Ceil") || node.is("Round") || is_step(node);
    }

    std::unordered_set<std::string> from_wanted_, on_path_, quantized_;
};

/// A map or a row with more than one position, as far as its shape tells: scores and pooled vectors are none.
bool may_have_positions(const Shape& shape) {
    const auto several = std::count_if(shape.begin(), shape.end(), [](std::int64_t size) { return size > 1; });
    return shape.size() >= 3 && shape.size() <= 4 && several >= 2;
}

/// Up to three tensors behind the node from which the seeded tensors could be differentiated, nearest first; maps (rank
/// 4) before rows of positions.
std::vector<std::string> layers_that_work(const Graph& graph, const Shapes& shapes, const std::vector<Seed>& seeds,
                                          const Node& failed) {
    std::vector<std::string> maps, rows;
    const auto start = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                    [&](const Node& node) { return node.outputs == failed.outputs; });
    for (auto node = start; node != graph.nodes.end(); ++node) {
        const auto& tensor = node->output(0);
        if (tensor.empty() || !shapes.contains(tensor) || !shapes.is_float(tensor)) continue;
        if (!may_have_positions(shapes.shape(tensor))) continue;
        const Paths paths(graph, shapes, seeds, {tensor});
        if (!paths.on_path(tensor)) continue;
        const bool works = std::all_of(node + 1, graph.nodes.end(), [&](const Node& later) {
            return !paths.leads_through(later) || find_rule(later) != nullptr;
        });
        if (!works) continue;
        auto& list = shapes.rank(tensor) == 4 ? maps : rows;
        if (list.size() < 3) list.push_back(tensor);
        if (maps.size() == 3) break;
    }
    return maps.empty() ? rows : maps;
}

/// "'a', 'b'"
std::string quoted(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + text::quote(name);
    return list;
}

Error no_derivative(const Graph& graph, const Shapes& shapes, const std::vector<Seed>& seeds, const Node& failed,
                    const std::string& what) {
    const auto layers = layers_that_work(graph, shapes, seeds, failed);
    return Error(ErrorKind::unsupported, layers.empty()
                                             ? what + "; no later layer with positions has a gradient either"
                                             : fmt::format("{}; of later layers these work: {}", what, quoted(layers)));
}

std::string no_rule(const Node& node, const std::vector<std::string>& wanted) {
    const auto domain = node.domain.empty() ? "" : fmt::format(" of {}", text::printable(node.domain));
    return fmt::format("the operator {}{} (node {}, tensor {}) behind {} has no derivative in Locus",
                       text::printable(node.op_type), domain, text::quote(node.name), text::quote(node.output(0)),
                       quoted(wanted));
}

class Differentiation {
public:
    Differentiation(Model& model, Shapes& shapes, const std::vector<Seed>& seeds,
                    const std::vector<std::string>& wanted, const DifferentiateOptions& options)
        : model_(model),
          shapes_(shapes),
          seeds_(seeds),
          wanted_(wanted),
          options_(options),
          original_nodes_(model.graph.nodes.size()) {
        for (const auto& [name, value] : model.graph.initializers) original_constants_.insert(name);
    }

    std::map<std::string, std::string> run() {
        check();
        learn();
        const Paths paths(model_.graph, shapes_, seeds_, wanted_);
        check_rules(paths);
        Emitter emitter(model_, shapes_, options_.prefix);
        for (const Seed& seed : seeds_) {
            if (!paths.on_path(seed.tensor)) continue;
            if (seed.classes.empty())
                contributions_[seed.tensor].push_back({emitter.value(seed.gradient)});
            else
                contributions_[seed.tensor].push_back({{}, {}, emitter.value(seed.classes)});
        }
        for (std::size_t i = original_nodes_; i-- > 0;) visit(emitter, paths, i);
        std::map<std::string, std::string> result;
        for (const auto& tensor : wanted_) result[tensor] = finished(emitter, tensor).name();
        remove_unused_nodes(result);
        return result;
    }

private:
    void check() const {
        if (model_.opset() < 13) {
            throw Error(
                ErrorKind::usage,
                fmt::format("the model's opset is {}; raise it to 13 or newer before differentiating", model_.opset()));
        }
        const Index index(model_.graph);
        const auto require = [&](const std::string& tensor) {
            if (!index.contains(tensor)) {
                throw Error(ErrorKind::usage, fmt::format("the graph has no tensor {}; the nearest are {}",
                                                          text::quote(tensor), quoted(index.nearest_names(tensor))));
            }
        };
        for (const auto& tensor : wanted_) require(tensor);
        for (const Seed& seed : seeds_) {
            require(seed.tensor);
            require(seed.classes.empty() ? seed.gradient : seed.classes);
        }
    }

    /// What was added to the graph after its shapes were worked out, the seeds among it.
    void learn() {
        shapes_.update(model_);
        for (const Seed& seed : seeds_) {
            if (!seed.classes.empty() && !shapes_.contains(seed.classes))
                shapes_.set_like(seed.classes, seed.tensor, DataType::int64, 1);
            if (!seed.gradient.empty() && !shapes_.contains(seed.gradient)) {
                shapes_.set_like(seed.gradient, seed.tensor, shapes_.type(seed.tensor), shapes_.rank(seed.tensor));
            }
        }
        shapes_.update(model_);
    }

    void check_rules(const Paths& paths) {
        for (std::size_t i = original_nodes_; i-- > 0;) {
            const Node& node = model_.graph.nodes[i];
            if (!paths.leads_through(node) || find_rule(node) != nullptr) continue;
            throw no_derivative(model_.graph, shapes_, seeds_, node, no_rule(node, wanted_));
        }
    }

    /// The sum of what arrived at a tensor.
    std::optional<Gradient> arrived(Emitter& emitter, const std::string& tensor) {
        const auto found = contributions_.find(tensor);
        if (found == contributions_.end() || found->second.empty()) return std::nullopt;
        auto& parts = found->second;
        if (parts.size() > 1) {
            Value sum;
            for (const Gradient& part : parts) {
                const Value value = materialized(part, emitter.value(tensor));
                sum = sum ? sum + value : value;
            }
            parts = {Gradient{sum}};
        }
        return parts.front();
    }

    void visit(Emitter& emitter, const Paths& paths, std::size_t index) {
        const Node node = model_.graph.nodes[index];
        if (!paths.leads_through(node)) return;
        std::vector<std::optional<Gradient>> gradients;
        for (const auto& output : node.outputs)
            gradients.push_back(output.empty() ? std::nullopt : arrived(emitter, output));
        if (std::none_of(gradients.begin(), gradients.end(), [](const auto& gradient) { return gradient.has_value(); }))
            return;
        std::vector<bool> wants;
        for (const auto& input : node.inputs) wants.push_back(paths.on_path(input));
        RuleContext context(emitter, node, std::move(gradients), std::move(wants), options_);
        try {
            find_rule(node)(context);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported) throw;
            throw no_derivative(model_.graph, shapes_, seeds_, node, error.what());
        }
        for (auto& [input, gradient] : context.given())
            contributions_[node.input(input)].push_back(std::move(gradient));
    }

    Value finished(Emitter& emitter, const std::string& tensor) {
        const Value target = emitter.value(tensor);
        if (const auto gradient = arrived(emitter, tensor)) {
            const Value full = expand_like(materialized(*gradient, target), target);
            contributions_[tensor] = {Gradient{full}};
            return full;
        }
        if (options_.zeros_where_independent) return zeros_like(target);
        throw Error(ErrorKind::usage,
                    fmt::format("{} does not depend smoothly on {}: it has no gradient there",
                                text::quote(seeds_.empty() ? "" : seeds_.front().tensor), text::quote(tensor)));
    }

    /// Nodes and constants written here that the result does not need: a rule's factor for a gradient that ended
    /// elsewhere.
    void remove_unused_nodes(const std::map<std::string, std::string>& result) {
        std::unordered_set<std::string> needed;
        for (const auto& [tensor, gradient] : result) needed.insert(gradient);
        auto& nodes = model_.graph.nodes;
        std::vector<bool> keep(nodes.size(), true);
        for (std::size_t i = nodes.size(); i-- > 0;) {
            const auto& outputs = nodes[i].outputs;
            if (i >= original_nodes_)
                keep[i] = std::any_of(outputs.begin(), outputs.end(),
                                      [&](const auto& output) { return needed.contains(output); });
            if (!keep[i]) continue;
            needed.insert(nodes[i].inputs.begin(), nodes[i].inputs.end());
        }
        std::size_t i = 0;
        std::erase_if(nodes, [&](const Node&) { return !keep[i++]; });
        std::erase_if(model_.graph.initializers, [&](const auto& constant) {
            return constant.first.starts_with(options_.prefix + "/") && !needed.contains(constant.first) &&
                   !original_constants_.contains(constant.first);
        });
    }

    Model& model_;
    Shapes& shapes_;
    const std::vector<Seed>& seeds_;
    const std::vector<std::string>& wanted_;
    const DifferentiateOptions& options_;
    std::size_t original_nodes_;
    std::unordered_set<std::string> original_constants_;
    std::map<std::string, std::vector<Gradient>> contributions_;
};

}  // namespace

std::map<std::string, std::string> differentiate(Model& model, Shapes& shapes, const std::vector<Seed>& seeds,
                                                 const std::vector<std::string>& wanted,
                                                 const DifferentiateOptions& options) {
    return Differentiation(model, shapes, seeds, wanted, options).run();
}

std::string missing_rule(const Graph& graph, const Shapes& shapes, const std::string& score,
                         const std::string& wanted) {
    const Paths paths(graph, shapes, {Seed{.tensor = score, .gradient = {}, .classes = {}}}, {wanted});
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node)
        if (paths.leads_through(*node) && find_rule(*node) == nullptr) return no_rule(*node, {wanted});
    return {};
}

}  // namespace locus::model
