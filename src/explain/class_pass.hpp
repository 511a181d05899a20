#pragma once

/// A rewritten network in use: one class an item a pass, the trunk run once however many classes are asked for.
///
///     explain::ClassPass pass(std::move(graph), [](MapGraph& g, const Value& classes) { return std::vector{map}; });
///     ClassOutputs out = pass.run(images, {.top_k = 2});      // out.values[1]: the maps of the second class
///
/// The first class comes with the scores, in one pass of the whole graph. For each further one only the part behind the
/// target layers is run again, from the features that the first pass gave.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explain/map_graph.hpp"
#include "explain/method.hpp"
#include "runtime/session.hpp"

namespace locus::explain {

/// Writes what is computed for one class an item; `classes` is int64 [n]. The outputs have n rows.
using ClassNodes = std::function<std::vector<model::Value>(MapGraph& graph, const model::Value& classes)>;

struct ClassOutputs {
    Tensor logits;                            ///< float32 [n, classes]
    Tensor class_indices;                     ///< int64 [n, m]
    std::vector<std::vector<Tensor>> values;  ///< [m] lists of what ClassNodes returned
};

class ClassPass {
public:
    ClassPass(std::unique_ptr<MapGraph> graph, const ClassNodes& nodes);
    ClassPass(ClassPass&&) noexcept;
    ~ClassPass();

    ClassOutputs run(const Tensor& inputs, const ClassSelection& classes) const;

    /// One class an item, given: int64 [n].
    std::vector<Tensor> run_given(const Tensor& inputs, const Tensor& classes) const;

    const std::vector<TargetLayer>& layers() const;
    std::int64_t classes() const;
    const Network& network() const;  ///< without its weights

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Indices of the classes asked for, int64 [n, m].
Tensor selected_classes(const Tensor& logits, const ClassSelection& classes);

/// Throws Error(usage) unless the inputs have the size that the graph was prepared for.
void require_input_size(const Network& network, const Tensor& inputs);

/// A copy that knows everything but the graph: sessions hold the weights.
Network without_graph(const Network& network);

}  // namespace locus::explain
