#pragma once

/// What part of the image a position of a feature map can see.
///
///     auto fields = model::receptive_fields(model.graph, shapes, "input");
///     fields.at("features").size;     // 491: pixels
///     fields.at("features").stride;   // 32: pixels from one position to the next
///
/// Sizes follow from kernels and strides alone (Araujo et al., "Computing Receptive Fields of Convolutional Neural
/// Networks", Distill 2019, eq. 2), along rows and columns apart, borders not counted. Products and means over the
/// channels alone see no further. Gates that see the whole image (squeeze-and-excite) are left out, as is usual.

#include <string>
#include <unordered_map>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::model {

struct ReceptiveField {
    double size = 1;    ///< pixels of the input, along the larger axis; infinity where every position sees everything
    double stride = 1;  ///< pixels of the input between neighbouring positions, along rows
};

/// Of every tensor with positions that depends on `input`; tensors where the rule is not known are left out.
std::unordered_map<std::string, ReceptiveField> receptive_fields(const Graph& graph, const Shapes& shapes,
                                                                 const std::string& input);

}  // namespace locus::model
