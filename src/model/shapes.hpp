#pragma once

/// What is known of a graph's tensors before it runs: types, shapes, and the values of constants and of shape
/// arithmetic.
///
///     model::Shapes shapes = model::infer_shapes(model, {{"input", {-1, 3, 224, 224}}});
///     shapes.shape("features");     // {-1, 1280, 7, 7}: -1 follows the batch
///     shapes.value("reshape_to");   // a constant, or shape arithmetic that does not depend on the batch; else null
///
/// There is no symbolic arithmetic: everything is worked out twice, for two different batch sizes, and what differs
/// between the two follows the batch. An operator unknown here leaves a gap, which `runtime::observe_shapes` fills by
/// running the network.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "locus/tensor.hpp"
#include "model/graph.hpp"

namespace locus::model {

/// Elements that a tensor may have whose value is looked at: larger ones are weights or data, not shape arithmetic (a
/// Swin's window mask has 56 x 56 positions of 4 indices).
inline constexpr std::int64_t largest_known_value = 1 << 16;

/// A tensor at one batch size.
struct KnownTensor {
    DataType type = DataType::undefined;
    Shape shape;
    std::optional<Tensor> value;  ///< where it does not depend on the network's input
};

/// All tensors at one batch size.
using KnownTensors = std::unordered_map<std::string, KnownTensor>;

class Shapes {
public:
    bool contains(const std::string& tensor) const;

    /// Throw Error(unsupported) for a tensor of which nothing is known.
    DataType type(const std::string& tensor) const;
    Shape shape(const std::string& tensor) const;  ///< -1 where a dimension follows the batch
    std::size_t rank(const std::string& tensor) const;
    Shape shape_of_first_batch(const std::string& tensor) const;  ///< at the first of `shape_batches`, whole

    /// The value where it is known and the same at every batch size; else null.
    const Tensor* value(const std::string& tensor) const;

    /// Whether its type `is_floating`.
    bool is_float(const std::string& tensor) const;

    /// True where both have the same first dimension at every batch size: [n, 49, 96] and [4n, 49, 96] do not.
    bool shares_first(const std::string& tensor, const std::string& other) const;

    /// Makes a tensor known; `one` and `other` are it at the two batch sizes.
    void set(const std::string& tensor, KnownTensor one, KnownTensor other);
    void set_constant(const std::string& tensor, const Tensor& value);

    /// Works out a node's outputs from its inputs. False where the operator is not known here, or an input is not.
    bool infer(const Node& node, std::int64_t opset);

    /// Works out what has been added to the graph since: initializers, and nodes in order as far as they can be.
    void update(const Model& model);

    /// Makes `tensor` known with the type given and the first dimensions of another.
    void set_like(const std::string& tensor, const std::string& other, DataType type, std::size_t rank);

    /// Makes `tensor` known as int64 [n, of_row...], n the first dimension of another.
    void set_rows(const std::string& tensor, const std::string& other, const Shape& of_row);

    /// The node outputs that are not known, in graph order.
    std::vector<std::string> unknown(const Graph& graph) const;

private:
    const KnownTensor& one(const std::string& tensor) const;

    std::array<KnownTensors, 2> worlds_;
};

/// The batch sizes for which shapes are worked out.
inline constexpr std::array<std::int64_t, 2> shape_batches{2, 3};

/// Shapes of all tensors, as far as they can be worked out, for the given shapes of graph inputs (-1: the batch).
/// Inputs not given are taken as declared, symbolic first dimensions as the batch. Throws Error(usage) where a
/// dimension that is not the first is neither declared nor given.
Shapes infer_shapes(const Model& model, const std::map<std::string, Shape>& input_shapes = {});

/// The outputs of `node` at one batch size, added to `known`: one function an operator. False where it cannot be worked
/// out.
bool infer_node(const Node& node, std::int64_t opset, KnownTensors& known);

/// The value of `node`'s first output from its inputs' values: the integer arithmetic that exporters write around
/// shapes, on small tensors. `result` is its type and shape. nullopt for other operators and unknown inputs.
std::optional<Tensor> evaluate_node(const Node& node, std::int64_t opset, const KnownTensors& known,
                                    const KnownTensor& result);

/// 2 for 2 or -1 where the rank is 3.
std::int64_t positive_axis(std::int64_t axis, std::size_t rank);

}  // namespace locus::model
