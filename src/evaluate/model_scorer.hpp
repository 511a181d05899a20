#pragma once

/// One network under several methods, on images of one class at a time.
///
///     evaluate::ModelScorer scorer("resnet50.onnx", {"cam", "grad-cam"}, {.localization = options});
///     scorer.score(images, 281);        // appends one ImageScores a method to each image

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/faithfulness.hpp"
#include "evaluate/map_scores.hpp"
#include "locus/image.hpp"

namespace locus::evaluate {

struct ModelScorerOptions {
    LocalizationOptions localization;
    FaithfulnessOptions faithfulness;
    int threads = 0;  ///< within a pass; 0: one a core
    bool cuda = false;
    std::uint64_t seed = 0;  ///< of methods that draw random numbers, and of random weights
    std::size_t memory_limit = std::size_t{2} << 30;
};

/// An image as it is scored; what comes of it is appended to `rows`.
struct ScoredImage {
    const Image* image = nullptr;
    const ImageTruth* truth = nullptr;  ///< of the full picture, which `image` may be a reduced copy of
    std::vector<ImageScores> rows;
};

/// `score` may be called by one thread at a time.
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
    int needed_side() const;  ///< pixels that a decoded image must have, see image/decode.hpp
    const std::vector<std::string>& warnings() const;

    /// The map of `label` on an image under one of the methods, as it is boxed.
    Map map(const Image& image, int label, std::size_t method) const;

    /// Explains `label` on each image, or the class found most probable where it is nullopt.
    void score(std::vector<ScoredImage>& images, std::optional<int> label) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace locus::evaluate
