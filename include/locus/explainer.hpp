#pragma once

/// Explaining images in memory.
///
///     locus::Explainer explainer("mobilenet_v2.onnx");
///     locus::Image photo = locus::read_image("cat.jpg");
///     for (const locus::Explanation& e : explainer.explain(photo, {.classes = {locus::ClassRequest::top(2)}})) {
///         std::cout << e.class_name << ' ' << *e.probability << '\n';
///         for (const locus::Box& box : locus::boxes_from_raw(e.evidence(), photo.width, photo.height, e.region)) ...
///     }
///
/// An `Explainer` may be used from several threads at once: its const members, all but set_labels, keep no state
/// between calls. Callers with a pool of threads of their own give each Explainer one (ExplainerOptions::threads = 1).
/// One that was moved from can be assigned to and destroyed; all else throws Error(usage).

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "locus/image.hpp"
#include "locus/map.hpp"
#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"

namespace locus {

/// A class asked for: the k most probable, or one by its index; never both.
struct ClassRequest {
    std::optional<int> top_k{};
    std::optional<int> index{};

    static ClassRequest top(int k) { return {k, std::nullopt}; }
    static ClassRequest at(int index) { return {std::nullopt, index}; }
    /// "top:5", "281" or a label ("tabby"; case does not matter; one of a label's comma-separated names is enough).
    /// A whole number is always an index. A whole label goes before one of several names: of "kite, bird" and "kite",
    /// "kite" is the second. Throws Error(usage) with the nearest labels, or with the indices of those that share the
    /// name. Whether the model has the class, Explainer::check tells.
    static ClassRequest parse(const std::string& request, const std::vector<std::string>& labels);
};

/// What one channel of the target layer adds to a class activation map: weight * map.
struct Part {
    int channel = 0;    ///< of the target layer
    double weight = 0;  ///< of the linear layer, for the class
    Map map{};          ///< the channel's feature map
};

/// Why the network says a class: one map and the numbers that go with it.
struct Explanation {
    int class_index = 0;
    /// Empty where the model has no labels; "similarity to the reference" for the target similarity.
    std::string class_name{};
    std::string short_name{};  ///< the first of the label's comma-separated names, "tabby" of "tabby, tabby cat"; all
                               ///< of the label where another class's begins with the same
    std::string method{};      ///< that made the map, never "auto"
    std::string layer{};       ///< the tensor explained; the input's name for methods that look at the pixels
    int rank = 0;              ///< 1 for the most probable class
    double logit = 0;          ///< the class's score, before softmax or sigmoid; for the target similarity, the cosine
    double score = 0;          ///< the number explained: the logit unless another target is set
    std::optional<double> bias{};  ///< the number for which pool(map) + bias = logit; none where no such number exists
    std::optional<double> probability{};  ///< softmax, or sigmoid for multi-label models, of the logits
    Map map{};                            ///< raw: signed, at the target layer's resolution
    /// What the map covers, in pixels of the photo: all of it, or the crop that the network saw. Of a tensor: the
    /// input.
    Region region{};
    /// The map's value that means "no evidence": 0, or the map's minimum for methods whose maps have no meaningful
    /// zero.
    double zero = 0;
    int sign =
        1;  ///< -1 where the method's formula turned the map over (ablation-cam of a negative logit divides by it)
    /// What decided the sign: "energy" (of the features) or "evidence" (for the class) for principal components, whose
    /// sign is arbitrary; "nothing" where neither could; "score" for ablation-cam; empty for methods where there is
    /// nothing to decide.
    std::string sign_by{};
    /// sign * (map - zero), which pictures and boxes show:
    ///
    ///     boxes_from_raw(e.evidence(), photo.width, photo.height, e.region);
    Map evidence() const;

    std::vector<Part> parts{};  ///< where asked for: the channels that add most to the logit, greatest amount first
    std::string note{};         ///< what a reader must know of this map ("no positive evidence"), else empty
};

struct ExplainerOptions {
    /// method_names() lists them. Several, joined by commas ("grad-cam,layer-cam"), share the passes that they can
    /// share; one named twice is one.
    std::string method = "auto";
    /// Target layer's tensor, or several joined by commas (see the setting "fuse"), each once; empty: found.
    std::string layer{};
    /// Of the method, by name, each once: {"samples", "500"}, {"target", "probability"}, {"fuse", "max"}, …
    /// (docs/methods.md)
    std::vector<std::pair<std::string, std::string>> settings{};
    /// For the setting {"target", "mask"}, without which it is refused: [h, w] at the scores' resolution, above 0
    /// counts.
    std::optional<Tensor> target_mask{};
    /// For the setting {"target", "similarity"}, without which it is refused: what the scores (an embedding) are
    /// compared with. Finite numbers, as many as scores, not all 0.
    std::optional<Tensor> target_embedding{};
    /// In its place: the photo whose embedding, by the same network, they are compared with.
    std::optional<Image> target_image{};
    std::string input{};                                  ///< image input's name; empty: found
    std::string output{};                                 ///< score output's name; empty: found
    std::vector<std::pair<std::string, Tensor>> feeds{};  ///< values for a model's other inputs
    /// Changes what was found out about the model's preprocessing. It may be called more than once. What it leaves must
    /// lie within the limits of `locus/preprocessing.hpp` and suit the model's input, whose type cannot be changed.
    std::function<void(Preprocessing&)> preprocessing{};
    /// Within a pass; 0: one a core; more than eight a core count as eight a core, for they only wait for each other.
    /// 1 for callers that use one Explainer, or several, from a pool of threads of their own.
    int threads = 0;
    bool cuda = false;
    /// Set from elsewhere, by another thread or a signal's handler: whatever the Explainer is at, loading too, ends before
    /// the network's next pass and throws Stopped. It must outlive the Explainer. nullptr: nothing stops it.
    const std::atomic<bool>* stop = nullptr;
    std::uint64_t seed = 0;
    std::size_t memory_limit = std::size_t{2} << 30;  ///< bytes that batches of perturbed inputs may take
    int parts = 0;                                    ///< how many channels Explanation::parts lists (cam only)
};

struct ExplainOptions {
    std::vector<ClassRequest> classes{ClassRequest::top(1)};
};

/// What was found out about a model.
struct ModelInfo {
    std::string input{};       ///< the tensor that takes the image
    std::string output{};      ///< the tensor that holds the scores
    std::string pool{};        ///< of the head: "mean", "max", "sum" or "none"
    std::string activation{};  ///< what follows the logits: "softmax", "log_softmax", "sigmoid" or "none"
    std::int64_t classes = 0;
    std::optional<std::int64_t> fixed_batch{};  ///< where the model takes just this many images a pass
    /// Where each value of the preprocessing was found: "mean" to "model metadata", …, "given" for an override.
    std::map<std::string, std::string> origins{};
};

/// What ExplainerOptions::method takes besides "auto", in the order of docs/methods.md.
std::vector<std::string> method_names();

/// Tensors of a model that ExplainerOptions::layer takes, in the order of the graph: those between the input and the
/// scores that have positions. Those whose shapes only a run would tell are left out. Reads the model for this; of the
/// options input, output, feeds and preprocessing count. Throws what opening an Explainer throws for them.
std::vector<std::string> layer_names(const std::filesystem::path& model, const ExplainerOptions& options = {});

class Explainer {
public:
    /// Loads a model, finds its head and rewrites it. Throws Error(io) where the file cannot be read, Error(model),
    /// Error(usage) for an unknown layer, method, input or output (with the nearest names) and for options that
    /// contradict each other or lie outside their range, Error(unsupported) where the method does not apply (with those
    /// that do).
    explicit Explainer(const std::filesystem::path& model, const ExplainerOptions& options = {});

    /// The same of an ONNX file's bytes in memory, which are not needed afterwards. Files beside the model are not
    /// looked for: throws Error(model) where its weights lie in some.
    explicit Explainer(std::span<const std::byte> model, const ExplainerOptions& options = {});
    Explainer(Explainer&&) noexcept;
    Explainer& operator=(Explainer&&) noexcept;
    ~Explainer();

    /// One explanation a class asked for and method; duplicates are left out: the best classes first, then those asked
    /// for by index, in that order, the methods of a class together. Throws Error(usage) where no class is asked for or
    /// one is not the model's, Error(model) where the network fails on the input or its scores are not numbers,
    /// Error(resource) where memory does not suffice. Throws Stopped where ExplainerOptions::stop was set meanwhile.
    std::vector<Explanation> explain(const Image& image, const ExplainOptions& options = {}) const;

    /// The same for a batch of preprocessed inputs [N, C, H, W] (or [N, H, W, C] as the model has it), N at least 1: N
    /// lists of explanations. C, H and W are those of preprocessing(), or others where the model leaves H and W open: the
    /// maps are of another size then. Methods other than cam are made for each such size when it is first met, from the
    /// model's file, and kept for the last few; of a model in memory they take the preprocessing's alone. Throws Error(usage) for other shapes and for
    /// values that are NaN. A network of other channels than a photo's, preprocessing().color == ColorOrder::other, takes
    /// these alone; given an Image it throws Error(usage). Values are rounded to the type of the model's input; throws
    /// Error(usage) as well where that is uint8 and a value is no byte.
    std::vector<std::vector<Explanation>> explain(const Tensor& inputs, const ExplainOptions& options = {}) const;

    /// Throws what `explain` throws for classes that the model does not have.
    void check(const std::vector<ClassRequest>& classes) const;

    const ModelInfo& model() const;
    const Preprocessing& preprocessing() const;
    const std::vector<std::string>& labels() const;
    /// One a class. Throws Error(usage) for another number. Not while another thread uses the Explainer.
    void set_labels(std::vector<std::string> labels);

    const std::vector<std::string>& methods() const;   ///< in use, never "auto"
    const std::string& method() const;                 ///< the first of them
    const std::string& target_layer() const;           ///< the tensor that it explains
    const std::vector<std::string>& warnings() const;  ///< what a user should be told once

private:
    struct State;
    const State& state() const;  // throws Error(usage) where it was moved from
    std::unique_ptr<State> state_;
};

}  // namespace locus
