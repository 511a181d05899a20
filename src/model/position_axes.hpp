#pragma once

/// Which axes of a graph's tensors still hold positions of the image: its rows and columns, cut, rolled, laid in a row,
/// attended over, but not pooled.
///
///     model::PositionAxes positions(model.graph, "input", {2, 3}, shapes);
///     positions.holds("features", 2);       // [n, 1280, 7, 7]: true
///     positions.holds("stacked_heads", 1);  // [n, 4, 1000], each head a linear layer on the pooled vector: false
///
/// Every axis is followed through the operators as the factors that it was laid together from. A pool or a reduction
/// ends positions; so do products that sum over them, but for square ones with learnt weights (token mixing) and local
/// ones (resizing); what a constant brings has none. What is not known counts as positions, so that "false" can be
/// relied on.

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::model {

class PositionAxes {
public:
    /// `of_input` are the axes of `input` that hold rows and columns.
    PositionAxes(const Graph& graph, const std::string& input, const std::vector<std::size_t>& of_input,
                 const Shapes& shapes);

    /// Whether this axis has positions along it; true where that is not known.
    bool holds(const std::string& tensor, std::size_t axis) const;

private:
    struct Factor {
        std::int64_t size = 1;
        bool position = false;
    };
    using Axis = std::vector<Factor>;  // outermost first; none for a size of 1
    using Axes = std::vector<Axis>;

    static std::int64_t size_of(const Axis& axis);
    static bool has_position(const Axis& axis);
    static bool has_position(const Axes& axes);
    static Axes all(const Shape& shape, bool position);
    static Axis resized(const Axis& axis, std::int64_t size);
    static void merge(Axis& axis, const Axis& other);
    static Axes aligned(const Axes& axes, const Shape& to);
    static Axes regrouped(const Axes& axes, const Shape& to);

    const Axes& axes_of(const std::string& tensor) const;
    Axes made_by(const Node& node, const Shape& to) const;
    Axes merged(const Node& node, const Shape& to) const;
    Axes axis_by_axis(const Node& node, const Shape& to) const;
    Axes convolved(const Node& node, const Shape& to) const;
    Axes reduced(const Node& node, const Shape& to) const;
    Axes transposed(const Node& node, const Shape& to) const;
    Axes gathered(const Node& node, const Shape& to) const;
    Axes concatenated(const Node& node, const Shape& to) const;
    Axes multiplied(const Node& node, const std::string& left, const std::string& right, const Shape& to) const;
    Axes summed_by_letters(const Node& node, const Shape& to) const;
    bool keeps_places(const std::string& weights, bool sums_rows) const;

    const Graph& graph_;
    const Shapes& shapes_;
    std::unordered_map<std::string, Axes> axes_;
    std::unordered_set<std::string> unknown_;  // behind the input, but of no known shape
};

}  // namespace locus::model
