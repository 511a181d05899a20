#pragma once

/// The network as a function from inputs to scores: for methods that perturb the input.
///
///     explain::InputScores scores(network, options, false);
///     Tensor logits = scores.run(perturbed);              // float32 [copies, classes]

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/node_method.hpp"
#include "explain/target_layer.hpp"
#include "runtime/session.hpp"

namespace locus::explain {

class InputScores {
public:
    /// With `with_layer`, `run_with_features` gives the target layer's features as well.
    InputScores(const Network& network, const MethodOptions& options, bool with_layer);

    Tensor run(const Tensor& inputs) const;

    struct WithFeatures {
        Tensor logits;    ///< float32 [n, classes]
        Tensor features;  ///< float32 [n, K, positions]
    };
    WithFeatures run_with_features(const Tensor& inputs) const;

    const Network& network() const { return network_; }
    const MethodOptions& options() const { return options_; }
    const TargetLayer& layer() const { return layer_; }
    std::int64_t classes() const { return classes_; }
    std::int64_t batch() const { return batch_; }  ///< perturbed inputs a pass

    /// y of the asked classes for one row of logits.
    double score(std::span<const float> logits, std::int64_t index) const;

private:
    Network network_;
    MethodOptions options_;
    TargetLayer layer_;
    std::int64_t classes_ = 0, batch_ = 1;
    std::string logits_, features_;
    std::optional<runtime::Session> session_;
};

/// Methods that explain what is seen of the input take the probability unless another target was chosen.
void adjust_to_probability(const Network& network, MethodOptions& options);

/// A method that perturbs the input, from what explains inputs by their scores. `method` is its name, for the error
/// where a layer is given.
template <class Run>
Prepared prepare_by_scores(const Network& network, const MethodOptions& options, const char* method, const Run& run) {
    require_no_layer(options, method);
    MethodOptions adjusted = options;
    adjust_to_probability(network, adjusted);
    const auto scores = std::make_shared<InputScores>(network, adjusted, false);
    return {.explain = [scores, run](const Tensor& inputs,
                                     const ClassSelection& classes) { return run(*scores, inputs, classes); },
            .target_layer = network.input,
            .classes = scores->classes()};
}

/// The input [1, C, H, W] (or [1, H, W, C]) times each mask [copies, H, W], black or the value 0 where a mask is 0.
/// `pixels`: masks multiply the pixels, so that 0 is black (the value 0 for channels that are no colours); else they
/// multiply the normalised values.
Tensor masked_inputs(const Network& network, const Tensor& input, const Tensor& masks, bool pixels);

}  // namespace locus::explain
