#pragma once

/// How the values of a tensor lie on the image: which axis holds the channels, how many rows and columns its positions
/// make, how many class and distillation tokens stand before or behind them. Read off the graph round the tensor, so that nobody
/// has to write a reshape function.
///
///     explain::LayerLayouts layouts(network, shapes);
///     std::optional<TargetLayer> layer = layouts.read("blocks.11.norm1");
///     // {tokens, 192 channels, 14 x 14, 1 leading token}
///
/// The nearest operator that needs its channels somewhere tells: a convolution or a pool on the second axis,
/// LayerNormalization or a product with a matrix on the last one; element-wise operators and transpositions are passed.
/// Tokens are counted against a feature map of as many positions, or the input's aspect ratio; tokens before and behind
/// them against the Concat that put them there. Axes that hold no positions of the image any more (heads, queries,
/// pooled channels: model/position_axes.hpp) are no rows and columns, whatever their size.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "explain/target_layer.hpp"
#include "model/position_axes.hpp"

namespace locus::explain {

class LayerLayouts {
public:
    /// Both are kept by reference. What `given` says is not asked of the graph.
    LayerLayouts(const Network& network, const model::Shapes& shapes, const GivenLayout& given = {});

    /// The tensor as a layer, or nothing where it has no positions: a vector, windows or heads in place of the batch,
    /// products of attention, tokens that make no grid.
    std::optional<TargetLayer> read(const std::string& tensor) const;

    /// True where the axes that the layer lays out hold positions of the image. `read` sees to it, but for rows whose
    /// grid is given.
    bool holds_positions(const TargetLayer& layer) const;

    /// The last map [n, K, h, w] or [n, h, w, K] on the way whose numbers are integers: of a quantized network. Empty
    /// where there is none.
    std::string last_integer_map() const;

    /// Where rows and columns of the image stand.
    const model::PositionAxes& positions() const { return positions_; }

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

    /// Tokens that are no positions, before and behind them.
    struct ExtraTokens {
        std::int64_t leading = 0, trailing = 0;

        std::int64_t count() const { return leading + trailing; }
        bool operator<(const ExtraTokens& other) const {
            return std::pair(leading, trailing) < std::pair(other.leading, other.trailing);
        }
    };
    struct Grid {
        std::int64_t height = 0, width = 0;
        ExtraTokens extra;
    };
    std::vector<ExtraTokens> extra_tokens(std::int64_t count) const;
    std::optional<Grid> grid_of(std::int64_t count) const;

    const Network& network_;
    const model::Graph& graph_;
    const model::Shapes& shapes_;
    GivenLayout given_;
    model::Index index_;
    model::PositionAxes positions_;
    std::unordered_set<std::string> behind_input_, before_logits_;
};

}  // namespace locus::explain
