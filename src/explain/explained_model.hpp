#pragma once

/// A model that explains itself: one ONNX file of standard operators whose outputs are `logits`, `classes` and `maps`.
///
///     model::Model explained = explain::explained_model(network, {.method = "grad-cam", .top_k = 3});
///     model::save(explained, "explained.onnx");          // input as before; maps [n, 3, h, w] of the classes [n, 3]
///
/// | | |
/// | --- | --- |
/// | input | the model's own; height and width are those of the preprocessing, which the maps' nodes are written for |
/// | input `class` | int64 [n], only where classes are an input: the class to explain for each image |
/// | output `logits` | float32 [n, classes] |
/// | output `classes` | int64 [n, m] |
/// | output `maps` | float32 [n, m, h, w]: raw, as Attribution::maps, unless resized or normalised |
///
/// The forward pass is shared by all m classes. Preprocessing and labels are carried over as metadata, and with them go
/// `locus.method`, `locus.layer` (several joined by commas), `locus.classes` (`top:K` or `input`), `locus.activation`
/// (what makes probabilities of the logits: `softmax`, `log_softmax`, `sigmoid` or `none`) and `locus.maps`, what a
/// picture is made by: `relu` (negative values are 0, divided by the maximum), `min-max`, or `normalized` where that is
/// done.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "model/graph.hpp"

namespace locus::explain {

struct ExplainedModelOptions {
    std::string method = "auto";
    MethodOptions options;                                          ///< layer, target and fusion are used
    std::optional<int> top_k = 1;                                   ///< none: the class is an input
    std::optional<std::pair<std::int64_t, std::int64_t>> map_size;  ///< height, width; none: the target layer's
    bool normalize = false;                                         ///< maps in 0..1, as they are shown
};

/// Throws Error(unsupported) for methods that no graph of one pass can hold (perturbation, sampling, kernel PCA),
/// naming those that can, for smoothing, and where a tensor of the model stands in the way of a name; Error(usage) for
/// more classes than there are.
model::Model explained_model(const Network& network, const ExplainedModelOptions& options);

/// The method that is meant, "auto" found out. Throws likewise, and where the method is not defined for the network.
const Method& exportable_method(Network& network, const ExplainedModelOptions& options);

/// How many scores the model has: the most that `top_k` can be.
std::int64_t class_count(const Network& network);

/// Labels that a user gave in place of the model's; empty ones leave those. Throws Error(usage) unless there is one a
/// class.
void give_labels(Network& network, std::vector<std::string> labels);

/// Names of the methods that can be exported.
std::vector<std::string> exportable_methods();

}  // namespace locus::explain
