#pragma once

/// The paper's surgery on any ONNX classifier: everything behind a layer gives way to a convolution, a global pool and
/// a linear layer for new classes (Zhou et al. 2016, section 3).
///
///     model::Model old = model::load("googlenet.onnx");
///     model::Model m = train::with_new_head(old, {.cut_at = train::find_cut(old), .classes = 100});

#include <cstdint>
#include <string>
#include <string_view>

#include "model/graph.hpp"
#include "model/networks/builder.hpp"

namespace locus::train {

/// What the names of new layers' weights begin with.
constexpr std::string_view new_layer_prefix = "new/";

/// The layer at which the paper cuts, found by its resolution: the last feature map that everything passes through and
/// whose side is at least an 18th of the input's (14 of 224 pixels in VGG and GoogLeNet, 13 of 227 in AlexNet). Throws
/// Error(model) where there is none.
std::string find_cut(const model::Model& model);

struct NewHead {
    /// The last tensor that is kept: a map [n, K, h, w], or pooled features [n, K] or [n, K, 1, 1].
    std::string cut_at;
    int classes = 2;
    int convolution = 0;  ///< channels of a 3x3 convolution with ReLU behind the cut; 0: none
    model::Head head = model::Head::gap;
    std::uint64_t seed = 0;
};

/// The model with a new end whose output is "logits". Its convolution is drawn as He et al. 2015, its linear layer from
/// a normal distribution of deviation 0.01. Throws Error(usage) where the tensor does not exist, is no map, or head and
/// map do not go together.
model::Model with_new_head(const model::Model& model, const NewHead& head);

/// "gap", "gmp", "sum" or "fc"; throws Error(usage) for anything else.
model::Head head_named(const std::string& name);

}  // namespace locus::train
