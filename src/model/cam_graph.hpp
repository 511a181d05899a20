#pragma once

/// Class activation maps as nodes of the model's own graph, so that one pass gives scores and maps.
///
///     model::CamTensors cam = model::add_cam(model, head);
///     // feed cam.top_k = [2] and cam.classes = [] (a row an image) beside the image;
///     // fetch cam.logits, cam.class_indices, cam.maps
///
/// M_c = sum_k w_ck f_k (Zhou et al. 2016, eq. 2), for the asked classes only: the rows of the weight that belong to
/// them, gathered, times the feature map. Which classes is an input of the rewritten graph, so one session serves every
/// request.

#include <string>

#include "model/graph.hpp"
#include "model/head.hpp"

namespace locus::model {

/// Names of what `add_cam` adds. With n images, m = top_k + the number of classes asked by index, K channels:
struct CamTensors {
    std::string top_k;  ///< input, int64 [1]: how many of the best classes; 0 is allowed
    /// Input, int64 [n, any]: classes asked by index, after the best ones; the same of each image.
    std::string classes;
    std::string logits;         ///< output, float32 [n, classes]
    std::string class_indices;  ///< output, int64 [n, m]
    std::string maps;           ///< output, float32 [n, m, positions], rows from the top
    std::string feature_shape;  ///< output, int64: the shape of the target layer, its channels first
    std::string bias;           ///< output, float32 [n, m]: the classes' bias; empty where the linear layer has none
    /// Output, [n, K, ...]: pooled features; only where the map does not add up to the logit, to verify the head.
    std::string pooled;
    std::string weights;   ///< output, float32 [n, m, K]: likewise, and where `expose_parts` asks for it
    std::string features;  ///< output, [n, K, positions]: likewise
};

struct CamOptions {
    /// Weigh this tensor's channels in place of the pooled one's: a layer just before it, of the same channels.
    std::string layer;
    bool expose_parts = false;  ///< weights and features as outputs, to show what the map is made of
};

/// Adds the nodes and replaces the graph's outputs by those listed in CamTensors. The model must have opset 10 or
/// newer. Throws Error(unsupported) for HeadKind::other, saying why.
CamTensors add_cam(Model& model, const ClassifierHead& head, const CamOptions& options = {});

}  // namespace locus::model
