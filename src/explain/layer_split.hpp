#pragma once

/// The network split at its target layer: the trunk runs once an image, the head as often as a method needs.
///
///     explain::LayerSplit split(network, options);
///     auto [logits, features] = split.trunk(image);     // features as the graph lays them out, [1, K, h, w]
///     Tensor copies = repeated_rows(features, 16);
///     copies.mutable_values<float>()[split.offset(3, k, p)] = 0;     // channel k at position p of the fourth copy
///     Tensor y = split.head(copies, image);                          // float32 [16, classes]
///
/// Where the target layer is read by nothing but a global pool, `pooled()` is true and the head takes pooled vectors as
/// well: nothing of the size copies x channels x positions is then needed.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "explain/map_graph.hpp"
#include "explain/network.hpp"
#include "explain/target_layer.hpp"
#include "model/head.hpp"
#include "runtime/session.hpp"

namespace locus::explain {

class LayerSplit {
public:
    /// Throws Error(usage) where several layers are named: these methods take one.
    LayerSplit(const Network& network, const MethodOptions& options);

    struct Trunk {
        Tensor logits;    ///< float32 [n, classes]
        Tensor features;  ///< float32, as the graph lays them out
    };
    Trunk trunk(const Tensor& inputs) const;

    /// Logits of changed features of one image, float32 [copies, classes]. The image is needed where a path leads
    /// around the layer.
    Tensor head(const Tensor& features, const Tensor& image) const;

    /// The head behind the pool, for vectors [copies, K].
    bool pooled() const { return pool_ != model::Pool::none; }
    model::Pool pool() const { return pool_; }
    Tensor pooled_head(const Tensor& vectors) const;

    const TargetLayer& layer() const { return layer_; }
    const Network& network() const { return network_; }
    const MethodOptions& options() const { return options_; }
    std::int64_t classes() const { return classes_; }

    /// Where the value of channel k at position p of an item lies in the features' buffer.
    std::size_t offset(std::size_t item, std::size_t channel, std::size_t position) const;

    /// Copies a pass of the head.
    std::int64_t head_batch() const;

private:
    Network network_;
    MethodOptions options_;
    TargetLayer layer_;
    std::int64_t classes_ = 0;
    std::string logits_, features_, pooled_input_;
    DataType feature_type_ = DataType::float32;
    Shape pooled_shape_;
    bool head_needs_image_ = false;
    model::Pool pool_ = model::Pool::none;
    std::optional<runtime::Session> trunk_, head_, pooled_head_;
};

}  // namespace locus::explain
