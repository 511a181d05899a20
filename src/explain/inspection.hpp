#pragma once

/// What `locus inspect` tells of a model: how it is fed, what its head is, where it can be explained, what it costs.
///
///     explain::Inspection found = explain::inspect(explain::load_network("resnet50.onnx", {}));
///     found.target_layer; found.candidates[0].receptive_field; found.head_parameters;

#include <cstdint>
#include <string>
#include <vector>

#include "explain/network.hpp"
#include "locus/tensor.hpp"

namespace locus::explain {

/// A tensor that can be explained: the last one of its resolution on the way to the scores.
struct LayerCandidate {
    std::string tensor;
    Shape shape;                 ///< -1 where a dimension follows the batch
    double receptive_field = 0;  ///< pixels; infinity where each position sees everything; 0 where it is not known
    double stride = 0;           ///< pixels between positions; 0 where it is not known
};

/// Whether a method applies.
struct MethodVerdict {
    std::string method;
    std::string obstacle;  ///< empty where it applies
};

struct Inspection {
    std::int64_t classes = 0;                ///< 0 where it is not known before a run
    Shape input_shape;                       ///< as fed, -1 for the batch
    std::string target_layer;                ///< that `locus explain` chooses
    std::vector<LayerCandidate> candidates;  ///< in the order of the graph, the target layer among them
    std::int64_t parameters = 0, multiply_adds = 0;
    std::int64_t head_parameters = 0;  ///< behind the target layer
    /// Parameters of a single fully connected layer from the target layer's whole map to the classes, which global
    /// pooling spares (Zhou et al. 2016, section 3); 0 where there is no global pool.
    std::int64_t fully_connected_parameters = 0;
    std::vector<MethodVerdict> methods;
    std::string automatic_method;       ///< what "auto" is, of the methods that apply
    std::vector<std::string> warnings;  ///< those of the network and of its layer
};

/// Tensors that find_target_layer takes by name, in the order of the graph. Those whose shapes only a run would tell are
/// left out.
std::vector<std::string> layer_names(const Network& network);

/// Where cam seems to apply, its session is opened: whether it does, its numbers tell. Throws what prepare functions of
/// methods throw for broken models.
Inspection inspect(const Network& network);

}  // namespace locus::explain
