#pragma once

/// A fully connected layer with constant weights, however it is spelt: Gemm, or MatMul and perhaps Add.
///
///     if (const auto layer = model::linear_layer_behind(graph, index, "logits"))
///         layer->weights_by_input();    // [from, to]
///
/// Only the plain form counts: float32, one vector an item, factors alpha and beta of 1.

#include <optional>
#include <string>

#include "model/graph.hpp"

namespace locus::model {

struct LinearLayer {
    std::string input;         ///< [n, from]
    std::string output;        ///< [n, to], the bias added
    std::string weights_name;  ///< of the initializer
    Tensor weights;            ///< [to, from] where `rows_are_outputs`, else [from, to]
    bool rows_are_outputs = false;
    Tensor bias;  ///< [to], zeros where there is none
    std::int64_t from = 0, to = 0;

    /// W as [from, to], row-major.
    Tensor weights_by_input() const;
};

/// The layer whose product `node` is; nullopt where it is none of the plain form.
std::optional<LinearLayer> linear_layer_at(const Graph& graph, const Index& index, const Node& node);

/// The layer that makes `tensor`.
std::optional<LinearLayer> linear_layer_behind(const Graph& graph, const Index& index, const std::string& tensor);

}  // namespace locus::model
