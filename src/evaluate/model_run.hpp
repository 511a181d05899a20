#pragma once

/// Networks on the images of a data set: what `locus evaluate -m` measures, image by image.
///
///     evaluate::ModelRun run({"resnet50.onnx"}, {"cam", "grad-cam"}, {"val.tar"}, truths, options);
///     run.images();                                     // names
///     run.measure({0, 1, 2});                           // records
///
/// An image is decoded once for all models that want it at the same size, and preprocessed once for all that are fed
/// alike; methods share passes (model_scorer.hpp). A model's rows are the same beside other models and methods as
/// alone.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dataset/sample_list.hpp"
#include "evaluate/baseline.hpp"
#include "evaluate/baseline_scorer.hpp"
#include "evaluate/class_matching.hpp"
#include "evaluate/model_scorer.hpp"
#include "evaluate/summary.hpp"
#include "evaluate/truth/truth.hpp"

namespace locus::evaluate {

struct ModelRunOptions {
    ModelScorerOptions scorer;
    std::filesystem::path classes;  ///< CSV of the data set's classes (dataset/class_list.hpp); empty: as found
    std::filesystem::path truth;    ///< CSV of the images' classes (dataset/label_table.hpp); empty: as the folders say
    std::uint64_t seed = 0;         ///< of the random baseline
    int sample_bits = 0;            ///< of 16-bit files, as image::DecodeOptions has it
};

/// Const members may be called from several threads at once.
class ModelRun {
public:
    /// Throws what listing the data and loading the models throws. `truths` must outlive the run.
    ModelRun(const std::vector<std::filesystem::path>& models, const std::vector<std::string>& methods,
             const std::vector<std::filesystem::path>& data, const TruthList& truths, const ModelRunOptions& options);

    std::size_t images() const { return data_.samples.size(); }
    const std::string& name(std::size_t image) const { return data_.samples[image].name; }
    /// Every model with its methods, which may be other ones for each where `auto` is among them; then the baselines.
    const std::vector<RowName>& rows() const { return rows_; }
    const std::vector<std::string>& remarks() const { return remarks_; }
    /// Of each model.
    std::vector<Preprocessing> preprocessing() const;

    /// Records of these images, in their order, with these as `index`. Whatever goes wrong with an image becomes its
    /// record's error.
    std::vector<ImageRecord> measure(const std::vector<std::size_t>& images,
                                     const std::vector<std::size_t>& indices) const;

    /// An image with its map and boxes under a row, at most some 200 pixels; nullopt for baselines. The map is made
    /// again where there is no preview. Throws what reading the image throws.
    std::optional<Image> picture(std::size_t image, std::size_t row, const std::optional<Preview>& preview) const;

private:
    /// Models that are fed alike: an image is preprocessed for them once.
    struct Feed {
        Preprocessing preprocessing;
        int side = 0;  ///< pixels that a decoded image must have, see image/decode.hpp
        std::vector<std::size_t> models;
    };
    /// What makes the maps of a row.
    struct MapSource {
        std::size_t model = 0, method = 0;
    };
    struct Prepared;
    void feed_with_its_like(std::size_t model);
    void name_rows(const std::vector<std::string>& models);
    Prepared read(const dataset::Sample& sample) const;
    void score_group(std::vector<Prepared>& group, int label) const;

    std::vector<std::filesystem::path> models_;
    std::vector<ModelScorer> scorers_;
    std::vector<RowName> rows_;
    std::vector<MapSource> sources_;   ///< of the rows that are no baselines, which come first
    std::vector<Feed> feeds_;          ///< by side, ascending
    std::vector<ClassMatch> matches_;  ///< of each model
    dataset::SampleList data_;
    const TruthList& truths_;
    ModelRunOptions options_;
    BaselineScorer baselines_;
    std::vector<std::string> remarks_;
};

}  // namespace locus::evaluate
