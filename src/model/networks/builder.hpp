#pragma once

/// Networks as ONNX graphs, made from nothing: for tests, benchmarks and training.
///
///     model::Model m = model::build({.name = "resnet50", .classes = 10, .width = 0.5, .image_size = 96});
///
/// Weights are random and depend on the seed alone: convolutions as He et al. 2015 draw them, linear layers as Glorot &
/// Bengio 2010 do, biases uniform within 1 / sqrt(fan-in), batch normalisation the identity. The papers of the older
/// networks draw narrower, which without training leaves nothing of the image after a few layers.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/graph.hpp"

namespace locus::model {

enum class Head {
    gap,  ///< global average pooling and a linear layer
    gmp,  ///< global maximum pooling and a linear layer
    sum,  ///< global sum pooling and a linear layer, as the paper writes it
    fc,   ///< flatten and linear layers (the network's own where it has them, else one)
};

/// Key in the metadata of networks that `locus build` wrote, whose weights are random; its value names network and seed.
inline constexpr const char* built_key = "locus.built";

struct NetworkOptions {
    std::string name = "mobilenet-v2";  ///< one of network_names()
    int classes = 1000;
    double width = 1.0;         ///< multiplies channel counts, 0.01 to 16
    int image_size = 0;         ///< pixels; 0: the network's own
    int channels = 3;           ///< of the image
    int opset = 13;             ///< 7 to 21
    std::optional<Head> head;   ///< absent: the network's own, Head::fc for vgg16 and Head::gap for the others
    std::int64_t batch = -1;    ///< -1: dynamic ("n")
    bool dynamic_size = false;  ///< height and width symbolic
    bool batch_norm = true;     ///< false: folded away (convolutions with bias) in the networks that have it
    bool softmax = false;       ///< ends in Softmax: output "probabilities", with "logits" before it
    std::uint64_t seed = 0;
};

/// alexnet-gap, googlenet-gap, mobilenet-v2, nin, resnet18, resnet50, tiny, vgg16 (fully connected), vgg16-gap;
/// `networks.hpp` says what each is.
const std::vector<std::string>& network_names();

/// Input "input" [n, channels, size, size], output "logits" [n, classes]. Throws Error(usage) for an unknown name (with
/// the nearest), or options that do not go together.
Model build(const NetworkOptions& options);

}  // namespace locus::model
