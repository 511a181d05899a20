#pragma once

/// How the values of a tensor lie on the image: which axis holds the channels, how many rows and columns its positions
/// make, how many class and distillation tokens stand before them. Read off the graph round the tensor, so that nobody
/// has to write a reshape function.
///
///     explain::LayerLayouts layouts(network, shapes);
///     std::optional<TargetLayer> layer = layouts.read("blocks.11.norm1");
///     // {tokens, 192 channels, 14 x 14, 1 leading token}
///
/// The nearest operator that needs its channels somewhere tells: a convolution or a pool on the second axis,
/// LayerNormalization or a product with a matrix on the last one; element-wise operators and transpositions are passed.
/// Tokens are counted against a feature map of as many positions, or the input's aspect ratio; tokens before them
/// against the Concat that put them there.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "explain/target_layer.hpp"

namespace locus::explain {

class LayerLayouts {
public:
    /// Both are kept by reference. What `given` says is not asked of the graph.
    LayerLayouts(const Network& network, const model::Shapes& shapes, const GivenLayout& given = {});

    /// The tensor as a layer, or nothing where it has no positions: a vector, windows or heads in place of the batch,
    /// products of attention, tokens that make no grid.
    std::optional<TargetLayer> read(const std::string& tensor) const;

    /// True between the input and the scores.
    bool on_the_way(const std::string& tensor) const;

    /// Those on every path from the input to the scores, in the graph's order: what a network passes on from block to
    /// block.
    std::vector<std::string> separating_tensors() const;

    /// Why `read` finds nothing, as the end of a sentence: "has 50 tokens that make no grid: …".
    std::string obstacle(const std::string& tensor) const;

    const model::Index& index() const { return index_; }

private:
    enum class Evidence { first, last, neither };

    std::optional<TargetLayer> read_map(const std::string& tensor, const Shape& shape) const;
    std::optional<TargetLayer> read_row(const std::string& tensor, const Shape& shape) const;
    std::optional<Evidence> evidence(const model::Node& node, const std::string& tensor, bool is_output) const;
    std::optional<Evidence> channels_of(const std::string& tensor) const;
    bool is_product_of_variables(const model::Node& node) const;
    bool is_statistic(const model::Node& reduction, const std::string& of) const;
    bool splits_heads(const std::string& tensor) const;
    std::optional<Evidence> reshape_evidence(const std::string& row, const std::string& map, bool asks_map) const;
    std::vector<std::string> rolled(const model::Node& node, const std::string& tensor) const;
    std::vector<std::int64_t> leading_tokens(std::int64_t count) const;
    std::optional<std::array<std::int64_t, 3>> grid_of(std::int64_t count) const;

    const Network& network_;
    const model::Graph& graph_;
    const model::Shapes& shapes_;
    GivenLayout given_;
    model::Index index_;
    std::unordered_set<std::string> behind_input_, before_logits_;
};

}  // namespace locus::explain
