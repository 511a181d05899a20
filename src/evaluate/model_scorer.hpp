#pragma once

/// One network under several methods, on images of one class at a time.
///
///     evaluate::ModelScorer scorer("resnet50.onnx", {"cam", "grad-cam", "layer-cam"}, {.localization = options});
///     Tensor inputs = evaluate::batch_of({&cat, &dog}, scorer.preprocessing());
///     scorer.score(inputs, {&truth_of_cat, &truth_of_dog}, 281);    // for each image, one ImageScores a method
///
/// Methods that can, share passes of the network (explain/shared_pass.hpp): the scores are those of each method alone.
/// Where `time` is asked for every method runs by itself, so that its time is its own.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/metrics/faithfulness.hpp"
#include "evaluate/metrics/map_scores.hpp"
#include "locus/image.hpp"
#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"

namespace locus::evaluate {

struct ModelScorerOptions {
    LocalizationOptions localization;
    FaithfulnessOptions faithfulness;
    int threads = 0;  ///< within a pass; 0: one a core
    bool cuda = false;
    std::uint64_t seed = 0;  ///< of methods that draw random numbers, and of random weights
    std::size_t memory_limit = std::size_t{2} << 30;
    const std::atomic<bool>* stop = nullptr;  ///< once it is set, what needs a pass of the network throws Stopped
};

/// The images as one batch, each preprocessed in its place.
Tensor batch_of(const std::vector<const Image*>& images, const Preprocessing& preprocessing);

/// Const members may be called from several threads at once.
class ModelScorer {
public:
    /// Throws what loading the model and preparing the methods throws.
    ModelScorer(const std::filesystem::path& model, const std::vector<std::string>& methods,
                const ModelScorerOptions& options);
    ~ModelScorer();
    ModelScorer(ModelScorer&&) noexcept;
    ModelScorer& operator=(ModelScorer&&) noexcept;

    const std::vector<std::string>& methods() const;  ///< by name, "auto" resolved
    const std::vector<std::string>& labels() const;
    std::int64_t classes() const;
    const Preprocessing& preprocessing() const;
    std::size_t passes() const;  ///< networks that run for the maps of a batch; each serves one method or more
    const std::vector<std::string>& warnings() const;

    /// The map of `label` on an image under one of the methods, as it is boxed.
    Map map(const Image& image, int label, std::size_t method) const;

    /// Explains `label` on each item of a batch of preprocessed images, or the class found most probable where it is
    /// nullopt. `truths` are of the full pictures, which what was preprocessed may be reduced copies of. Returns
    /// [image][method].
    std::vector<std::vector<ImageScores>> score(const Tensor& inputs, const std::vector<const ImageTruth*>& truths,
                                                std::optional<int> label) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace locus::evaluate
