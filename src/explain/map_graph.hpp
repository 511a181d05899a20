#pragma once

/// A network's graph being rewritten into one that computes maps: what the formulas of methods are written against.
///
///     explain::MapGraph graph(network, {.layer = "layer3"});
///     model::Value a = graph.features(0);                        // [n, K, positions]
///     model::Value g = graph.gradient(0, classes);               // dy/dA, the same shape
///     model::Value map = graph.shaped(model::reduce_sum(a * g, {1}), 0);   // [n, h, w]: hires-cam
///
/// One pass of the network serves all of it; the derivative is nodes beside the forward pass. The class that is
/// explained is a tensor of the graph, so one session serves every request.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explain/method.hpp"
#include "explain/target_layer.hpp"
#include "explain/target_score.hpp"
#include "model/derivative.hpp"
#include "model/derivative_expression.hpp"

namespace locus::explain {

/// Whether a method's maps lie on layers, or on the input's pixels.
enum class MapOf { layer, input };

class MapGraph {
public:
    /// Copies the graph (weights are shared) and finds the layers. Throws what find_target_layers throws.
    MapGraph(const Network& network, const MethodOptions& options, MapOf map_of = MapOf::layer);

    /// Of a model that declares a free batch but works with 1 only, the batch is fixed here.
    const Network& network() const { return fixed_ ? *fixed_ : *network_; }
    const MethodOptions& options() const { return options_; }
    const std::vector<TargetLayer>& layers() const { return layers_; }
    model::Emitter& emit() { return *emit_; }
    model::Model& model() { return model_; }
    model::Shapes& shapes() { return shapes_; }

    /// The scores, float32 [n, classes]; for segmentation networks their means over the target's mask.
    const model::Value& logits() const { return logits_; }
    std::int64_t classes() const;

    /// A graph input or hand-written tensor of integers, int64 [n, of_item...], n being the batch, as a value that
    /// formulas can read.
    model::Value integers(const std::string& tensor, const Shape& of_item = {});

    /// y of the class of each item, [n, 1]; for the target `logit` (and `mask`) only.
    model::Value score(const model::Value& classes);

    /// A: the layer's features, float32 [n, K, positions].
    model::Value features(std::size_t layer);

    /// g = dy/dA for the class of each item (int64 [n]), float32 [n, K, positions]. All layers' gradients come from one
    /// backward pass.
    model::Value gradient(std::size_t layer, const model::Value& classes);

    /// The tensor of the input's numbers that gradients are taken by: the input itself, or, where that is of bytes, a
    /// float32 copy that the graph goes on from here. Throws Error(unsupported) where an operator wants the bytes
    /// themselves.
    const std::string& pixels() const;

    /// The network's input as float32 [n, C, pixels], and dy/dx for it.
    model::Value input();
    model::Value input_gradient(const model::Value& classes, model::ReluRule relu = model::ReluRule::gradient);

    /// Gradients of y by any tensors, as they lie in the graph. Kept: asking again for the same costs nothing.
    std::vector<model::Value> gradients(const std::vector<std::string>& tensors, const model::Value& classes,
                                        model::ReluRule relu = model::ReluRule::gradient);

    /// d(sum of seeded * by)/d(tensor), the seed held constant: zeros where there is no dependence. For second
    /// derivatives.
    model::Value product_gradient(const std::string& seeded, const std::string& by, const std::string& tensor);

    /// What a method has written once and reads again for a further class, by a name of its own.
    std::map<std::string, model::Value>& kept() { return kept_; }

    /// [n, positions] or [n, 1, positions] as [n, h, w].
    model::Value shaped(const model::Value& map, std::size_t layer);
    model::Value shaped_as_input(const model::Value& map);

private:
    const Network* network_;
    std::optional<Network> fixed_;
    MethodOptions options_;
    model::Model model_;
    model::Shapes shapes_;
    std::string pixels_;  // empty where there are none that a gradient could be taken by
    std::vector<TargetLayer> layers_;
    std::unique_ptr<model::Emitter> emit_;
    model::Value logits_;
    std::map<std::string, std::map<std::string, std::string>>
        gradients_;  // by class tensor and rule: tensor to gradient
    std::map<std::string, model::Value> kept_;
    int passes_ = 0;
};

}  // namespace locus::explain
