#pragma once

/// What a graph itself says of the pictures that it takes.

#include <cstdint>
#include <optional>

#include "locus/tensor.hpp"
#include "model/graph.hpp"
#include "model/metadata/hugging_face.hpp"

namespace locus::model {

/// What the graph fixes; no other source can overrule it, for nothing else would run.
struct InputFacts {
    PreprocessingFacts said;
    DataType type = DataType::float32;
    std::optional<std::int64_t> channels;

    /// Of an input that no photo fits; else 0.
    std::int64_t other_channels() const { return !channels || *channels == 3 || *channels == 1 ? 0 : *channels; }
};

/// By the input's shape and, where that leaves the channels open, by the first convolution. Throws Error(model) where
/// the input takes no pictures.
InputFacts input_facts(const Graph& graph, const ValueInfo& input);

}  // namespace locus::model
