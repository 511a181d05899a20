#include "explain/class_pass.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "explain/batches.hpp"
#include "explain/scores.hpp"
#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::explain {
namespace {

using model::Value;
using Ints = std::vector<std::int64_t>;

const std::string best_input = "locus/best";    // int64 [1]: 1 explains the best class, 0 the given ones
const std::string given_input = "locus/given";  // int64 [n, 1], or [n, 0] with best = 1

/// The output under a name of its own: a tensor may be an output once, and an input not at all.
std::string exposed(model::Emitter& emit, model::Graph& graph, const Value& value) {
    std::string name = emit.node("Identity", {value}).name();
    graph.outputs.push_back({.name = name, .type = value.type(), .shape = std::nullopt});
    return name;
}

/// The class that each item is explained for, int64 [n]: the best or the given one. The other of the two has no columns,
/// so that together they are one class an item. Written by hand, as their numbers of columns are known only when they
/// run.
Value best_or_given(MapGraph& graph) {
    const auto integers = [](const std::string& name, std::vector<model::Dimension> shape) {
        return model::ValueInfo{.name = name, .type = DataType::int64, .shape = std::move(shape)};
    };
    model::Graph& nodes = graph.model().graph;
    nodes.inputs.push_back(integers(best_input, {{.value = 1}}));
    nodes.inputs.push_back(integers(given_input, {{.symbol = "n"}, {.symbol = "given"}}));
    graph.shapes().set(best_input, {DataType::int64, {1}, std::nullopt}, {DataType::int64, {1}, std::nullopt});
    const std::string best = "locus/best_classes", together = "locus/classes";
    nodes.nodes.push_back({.op_type = "TopK",
                           .inputs = {graph.logits().name(), best_input},
                           .outputs = {"locus/best_scores", best},
                           .attributes = {{"axis", std::int64_t{1}}},
                           .name = best});
    nodes.nodes.push_back({.op_type = "Concat",
                           .inputs = {best, given_input},
                           .outputs = {together},
                           .attributes = {{"axis", std::int64_t{1}}},
                           .name = together});
    return model::reshape(graph.integers(together, {1}), {-1});
}

/// The part behind the target layers that makes the outputs; none where it needs the image as well.
std::optional<model::Model> head_behind_layers(MapGraph& graph, const std::vector<std::string>& outputs) {
    model::Model& model = graph.model();
    std::vector<std::string> cut;
    for (const TargetLayer& layer : graph.layers()) {
        cut.push_back(layer.tensor);
        model.graph.value_infos.push_back(declared(graph.shapes(), layer.tensor));
    }
    cut.push_back(best_input);
    cut.push_back(given_input);
    model::Model head = model;
    head.graph = model::extract(model.graph, cut, outputs);
    if (head.graph.find_input(graph.network().input) != nullptr) return std::nullopt;
    return head;
}

}  // namespace

struct ClassPass::State {
    Network network;
    std::vector<TargetLayer> layers;
    std::int64_t classes = 0;

    std::optional<runtime::Session> whole;
    std::string logits;
    std::vector<std::string> values;

    bool same_for_all_classes = false;  // the values do not depend on the class
    std::vector<std::string>
        features;       // raw target tensors, as the head takes them; empty where the head needs the image as well
    model::Model head;  // what further classes need; opened when first asked for
    mutable std::once_flag head_opened;
    mutable std::optional<runtime::Session> head_session;

    std::vector<Tensor> run(const runtime::Session& session, std::vector<runtime::Feed> batched, const Tensor* given,
                            const std::vector<std::string>& outputs) const {
        const std::int64_t count = batched.front().second.shape()[0];
        batched.emplace_back(given_input,
                             given != nullptr ? given->reshaped({count, 1}) : Tensor(DataType::int64, {count, 0}));
        const Tensor best = Tensor::of<std::int64_t>({1}, {given == nullptr ? 1 : 0});
        const std::int64_t pass = network.fixed_batch.value_or(count);
        return run_in_passes(session, batched, {{best_input, best}}, outputs, pass, network.fixed_batch.has_value());
    }

    const runtime::Session& opened_head() const {
        std::call_once(head_opened, [&] { head_session.emplace(head, network.session); });
        return *head_session;
    }
};

ClassPass::ClassPass(ClassPass&&) noexcept = default;
ClassPass::~ClassPass() = default;

ClassPass::ClassPass(std::unique_ptr<MapGraph> graph, const ClassNodes& nodes) : state_(std::make_unique<State>()) {
    State& state = *state_;
    state.layers = graph->layers();
    state.classes = graph->classes();
    model::Model& model = graph->model();
    model::Emitter& emit = graph->emit();

    const Value classes = best_or_given(*graph);
    const std::vector<Value> values = nodes(*graph, classes);
    model.graph.outputs.clear();
    state.logits = exposed(emit, model.graph, graph->logits());
    for (const Value& value : values) state.values.push_back(exposed(emit, model.graph, value));
    std::vector<std::string> features;
    for (const TargetLayer& layer : state.layers)
        features.push_back(exposed(emit, model.graph, emit.value(layer.tensor)));
    model::remove_unused(model.graph);
    state.whole.emplace(model, graph->network().session);
    state.network = without_graph(graph->network());
    const auto of_class = model::Index(model.graph).descendants(classes.name());
    state.same_for_all_classes = std::none_of(state.values.begin(), state.values.end(),
                                              [&](const auto& name) { return of_class.contains(name); });
    if (state.same_for_all_classes || state.layers.empty()) return;
    if (auto head = head_behind_layers(*graph, state.values)) {
        state.head = std::move(*head);
        state.features = std::move(features);
    }
}

const std::vector<TargetLayer>& ClassPass::layers() const { return state_->layers; }
std::int64_t ClassPass::classes() const { return state_->classes; }
const Network& ClassPass::network() const { return state_->network; }

std::vector<Tensor> ClassPass::run_given(const Tensor& inputs, const Tensor& classes) const {
    require_input_size(state_->network, inputs);
    return state_->run(*state_->whole, {{state_->network.input, inputs}}, &classes, state_->values);
}

ClassOutputs ClassPass::run(const Tensor& inputs, const ClassSelection& classes) const {
    const State& state = *state_;
    require_input_size(state.network, inputs);
    const std::int64_t n = inputs.shape()[0];
    const auto m = static_cast<std::int64_t>(classes.indices.size()) + classes.top_k;

    std::vector<std::string> outputs{state.logits};
    outputs.insert(outputs.end(), state.values.begin(), state.values.end());
    const bool reuse = m > 1 && !state.features.empty();
    if (reuse) outputs.insert(outputs.end(), state.features.begin(), state.features.end());

    std::optional<Tensor> first;
    if (classes.top_k == 0) first = repeated_rows(Tensor::of<std::int64_t>({1}, {classes.indices.front()}), n);
    auto results = state.run(*state.whole, {{state.network.input, inputs}}, first ? &*first : nullptr, outputs);

    ClassOutputs all;
    all.logits = results.front();
    all.class_indices = selected_classes(all.logits, classes);
    const auto begin = results.begin() + 1, end = begin + static_cast<std::ptrdiff_t>(state.values.size());
    all.values.emplace_back(begin, end);
    std::vector<runtime::Feed> feeds{{state.network.input, inputs}};
    if (reuse) {
        feeds.clear();
        for (std::size_t i = 0; i < state.layers.size(); ++i)
            feeds.emplace_back(state.layers[i].tensor, *(end + static_cast<std::ptrdiff_t>(i)));
    }
    for (std::int64_t column = 1; column < m; ++column) {
        if (state.same_for_all_classes) {
            all.values.push_back(all.values.front());
            continue;
        }
        Tensor given(DataType::int64, {n});
        for (std::int64_t i = 0; i < n; ++i) {
            given.mutable_values<std::int64_t>()[static_cast<std::size_t>(i)] =
                all.class_indices.values<std::int64_t>()[static_cast<std::size_t>(i * m + column)];
        }
        all.values.push_back(state.run(reuse ? state.opened_head() : *state.whole, feeds, &given, state.values));
    }
    return all;
}

Tensor selected_classes(const Tensor& logits, const ClassSelection& classes) {
    const std::int64_t n = logits.shape()[0];
    const auto count = static_cast<std::size_t>(logits.shape()[1]);
    const auto m = static_cast<std::int64_t>(classes.indices.size()) + classes.top_k;
    Tensor indices(DataType::int64, {n, m});
    auto target = indices.mutable_values<std::int64_t>().begin();
    for (std::int64_t i = 0; i < n; ++i) {
        const auto best =
            best_classes(logits.values<float>().subspan(static_cast<std::size_t>(i) * count, count), classes.top_k);
        target = std::copy(best.begin(), best.end(), target);
        target = std::copy(classes.indices.begin(), classes.indices.end(), target);
    }
    return indices;
}

void require_input_size(const Network& network, const Tensor& inputs) {
    const Shape expected = input_shape(network, inputs.shape().at(0));
    if (inputs.shape() != expected) {
        throw Error(ErrorKind::usage,
                    fmt::format("inputs have the shape {}, but the method was prepared for {}: the size of the "
                                "preprocessing (--size WIDTHxHEIGHT) says for which",
                                to_string(inputs.shape()), to_string(expected)));
    }
}

Network without_graph(const Network& network) {
    Network light = network;
    light.model.graph = {};
    return light;
}

}  // namespace locus::explain
