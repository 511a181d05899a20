#pragma once

/// The sliding window of a convolution or pooling node: its attributes with defaults and auto_pad worked out.
///
///     const Window window = Window::of(node, {56, 56});
///     window.output_size(0);  // 28

#include <cstdint>
#include <vector>

#include "locus/tensor.hpp"
#include "model/graph.hpp"

namespace locus::model {

struct Window {
    std::vector<std::int64_t> input;  ///< spatial sizes of what it slides over
    std::vector<std::int64_t> kernel;
    std::vector<std::int64_t> strides;
    std::vector<std::int64_t> dilations;
    std::vector<std::int64_t> begin;  ///< padding before the first element of each axis
    std::vector<std::int64_t> end;    ///< padding behind the last
    bool ceil_mode = false;

    std::size_t axes() const { return input.size(); }
    std::int64_t extent(std::size_t axis) const { return dilations[axis] * (kernel[axis] - 1) + 1; }
    std::int64_t output_size(std::size_t axis) const;

    /// Both throw Error(model) where attributes do not fit the axes.

    /// Conv, MaxPool, AveragePool, LpPool: reads kernel_shape (or `kernel`, from the weights), strides, dilations,
    /// pads, auto_pad, ceil_mode.
    static Window of(const Node& node, std::vector<std::int64_t> input, std::vector<std::int64_t> kernel = {});

    /// ConvTranspose, as the convolution it is the transposition of: `input` is then the size of the node's *output*.
    static Window of_transposed(const Node& node, const std::vector<std::int64_t>& node_input,
                                std::vector<std::int64_t> kernel);
};

}  // namespace locus::model
