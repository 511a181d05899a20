#pragma once

/// What a method of explanation is, and the table of all of them.
///
///     const explain::Method& method = explain::find_method("cam");
///     explain::Prepared cam = method.prepare(network, {});
///     explain::Attribution a = cam.explain(inputs, {.top_k = 1});    // a.maps [n, 1, h, w]
///
/// A method is added as one file with a `prepare` function and one line in `registry.cpp` (docs/adding-a-method.md).

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "explain/network.hpp"
#include "explain/target_layer.hpp"
#include "explain/target_score.hpp"
#include "locus/tensor.hpp"
#include "model/derivative_expression.hpp"

namespace locus::explain {

/// The classes asked for: the best ones first, then those by index. The same for each item of a batch.
struct ClassSelection {
    int top_k = 1;
    std::vector<std::int64_t> indices;
};

/// Maps of n items and m classes each.
struct Attribution {
    Tensor logits;                   ///< float32 [n, classes]
    Tensor class_indices;            ///< int64 [n, m]
    Tensor maps;                     ///< float32 [n, m, h, w], raw
    std::optional<Tensor> bias;      ///< float32 [n, m]: pool(map) + bias = logit; nullopt where no such number exists
    std::optional<Tensor> weights;   ///< float32 [n, m, K] where parts were asked for
    std::optional<Tensor> features;  ///< float32 [n, K, h * w] likewise
    std::string note;                ///< what a reader of every one of these maps must know, else empty
    std::vector<std::string> notes;  ///< of each of the n * m maps by itself; empty where there are none
    /// Of each map: -1 where its formula turned it over, so that pictures show -map; empty where all are 1.
    std::vector<int> signs;
    /// Of each map: what decided its sign (Explanation::sign_by); empty where nothing had to.
    std::vector<std::string> signs_by;
};

/// How the maps of several layers become one.
enum class Fusion {
    mean,     ///< each relu and divided by its maximum, resized to the input, averaged (pytorch-grad-cam)
    max,      ///< each min-maxed, resized to the largest, the greatest at each position (torch-cam)
    product,  ///< each min-maxed, resized to the largest, multiplied (refine-cam)
};

/// Between implementations that differ (reference: docs/methods.md).
enum class Variant { standard, torchcam };

struct MethodOptions {
    std::string layer;   ///< target layer's tensor, or several joined by commas; empty: found
    GivenLayout layout;  ///< of the layer, where the graph does not tell it
    std::uint64_t seed = 0;
    std::size_t memory_limit = std::size_t{2} << 30;  ///< bytes for batches of perturbed inputs or features
    bool parts = false;                               ///< weights and features as well (cam only)
    TargetScore target;                               ///< the number explained
    Fusion fusion = Fusion::mean;                     ///< for several layers
    bool augment = false;       ///< average over the image flipped and scaled in brightness (test-time augmentation)
    bool eigen_smooth = false;  ///< the first principal component of the weighted features in place of their sum
    Variant variant = Variant::standard;
    int samples = 0;              ///< noisy inputs, masks or draws; 0: the method's own number
    int steps = 0;                ///< of an integral; 0: the method's own number
    double noise = 0;             ///< standard deviation of noise, as the method counts it; 0: the method's own
    std::set<std::string> given;  ///< keys that explain::set has set: one must mean something to a method asked for
};

/// A method made ready for one network. `explain` may be called from several threads at once.
struct Prepared {
    std::function<Attribution(const Tensor& inputs, const ClassSelection& classes)> explain;
    std::string target_layer;  ///< the tensor explained; the input's name for methods that perturb it
    std::int64_t classes = 0;  ///< number of scores
    bool has_parts = false;    ///< `explain` gives weights and features, as options.parts asked
};

/// How a raw map becomes the one shown and boxed.
enum class FinalMap {
    relu,     ///< negative values are 0; divided by the maximum
    min_max,  ///< for maps without a meaningful zero: the minimum is 0; divided by the range
};

class MapGraph;
struct PassPlan;

/// Writes the nodes of a method's raw map at one layer, [n, h, w], for the class of each item (int64 [n]).
using MapNodes = model::Value (*)(MapGraph& graph, std::size_t layer, const model::Value& classes);

struct Method {
    std::string name;     ///< as the field writes it: "grad-cam++"
    std::string summary;  ///< half a sentence
    std::string source;   ///< "Zhou et al. 2016"
    std::string cost;     ///< in network passes an image: "1 forward"
    std::string needs;    ///< "a global pool and one linear layer"
    FinalMap final_map = FinalMap::relu;
    /// Throws Error(unsupported), saying why, where the method is not defined for the network.
    Prepared (*prepare)(const Network& network, const MethodOptions& options) = nullptr;
    /// Why the method does not apply, judged from the graph alone; empty where it does.
    std::string (*obstacle)(const Network& network) = nullptr;
    /// For methods that a model can compute by itself (`locus export`); null for the rest.
    MapNodes nodes = nullptr;
    bool map_of_input = false;  ///< the map lies on the input's pixels, not on a layer
    /// What the method sets in the options (finer-cam's target, refine-cam's layers, the probability for rise); null
    /// for most.
    void (*adjust)(const Network& network, MethodOptions& options) = nullptr;
    bool weighs_channels =
        false;  ///< the map is a sum over channels, of which eigen smoothing takes the principal component
    /// For methods that can share a pass with others (shared_pass.hpp); null for the rest.
    PassPlan (*plan)(const Network& network, const MethodOptions& options) = nullptr;
    std::vector<std::string> settings;  ///< keys of explain::set that not all methods take: "samples"
    bool joins_layers_itself =
        false;                  ///< the maps of several layers, in one way: options.fusion is not asked (refine-cam)
    bool changes_relu = false;  ///< the rule by which gradients pass it (the guided family)
    bool divides_by_score = false;  ///< so that a score below 0 turns the map over (Attribution::signs)
    /// What the graph promises may not hold: `prepare` finds out by a pass what `obstacle` cannot (cam).
    bool is_verified_by_pass = false;
    bool takes_any_size = false;  ///< one pass serves inputs of every height and width that the graph leaves open (cam)
};

/// `method.prepare`, for whatever the options ask: several layers are prepared one by one and fused where the method
/// itself takes one. Throws Error(usage) for eigen smoothing of a method that sums over no channels.
Prepared prepare(const Method& method, const Network& network, const MethodOptions& options);

/// All methods in the order in which `locus methods` lists them.
const std::vector<Method>& methods();

/// Throws Error(usage) with the nearest names.
const Method& find_method(const std::string& name);

/// What "auto" stands for, the best first: the first that applies to a network is taken. The last applies to all.
const std::vector<const Method*>& automatic_order();

/// The first in that order that the graph has nothing against.
const Method& automatic_method(const Network& network);

}  // namespace locus::explain
