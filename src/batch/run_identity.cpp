#include "batch/run_identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "files/npy.hpp"
#include "files/sha256.hpp"
#include "locus/overlay.hpp"
#include "model/metadata/preprocessing_metadata.hpp"

namespace locus::batch {
namespace {

std::string digest_of_feeds(const ExplainerOptions& options) {
    std::string all;
    for (const auto& [name, value] : options.feeds) all += name + '\n' + files::npy_bytes(value);
    return all.empty() ? "none" : files::sha256(all);
}

std::string digest_of_target(const ExplainerOptions& options) {
    std::string all;
    if (options.target_mask) all += files::npy_bytes(*options.target_mask);
    if (options.target_embedding) all += files::npy_bytes(*options.target_embedding);
    if (options.target_image) all.append(options.target_image->rgb.begin(), options.target_image->rgb.end());
    return all.empty() ? "none" : files::sha256(all);
}

std::string yes(bool value) { return value ? "yes" : "no"; }

}  // namespace

report::RunRecord run_record(const RunOptions& options, const Explainer& explainer, const std::string& sha256,
                             bool takes_photos) {
    const ModelInfo& model = explainer.model();
    report::RunRecord record;
    record.model = {.file = options.model_name.empty() ? options.model.string() : options.model_name,
                    .sha256 = sha256,
                    .pool = model.pool,
                    .input = model.input,
                    .output = model.output,
                    .classes = static_cast<int>(model.classes),
                    .activation = model.activation};
    record.preprocessing = explainer.preprocessing();
    record.sample_bits = options.sample_bits;
    record.preprocessing_sources = model.origins;
    record.method = explainer.method();
    record.layer = explainer.target_layer();
    record.threshold = options.boxes.threshold;
    record.components = options.boxes.components == Components::all ? "all" : "largest";
    record.seed = options.explainer.seed;
    record.warnings = explainer.warnings();
    if (!takes_photos) std::erase(record.warnings, model::assumed_statistics(model.origins));
    record.colormap = options.overlay.is_signed ? diverging_colormap : options.overlay.colormap;
    record.opacity = options.overlay.alpha;
    return record;
}

report::RunPlan run_plan(const RunOptions& options, const std::vector<InputItem>& inputs,
                         const report::RunRecord& record, const Explainer& explainer) {
    std::string names;
    for (const InputItem& item : inputs) names += item.name + '\n';
    const Preprocessing& p = explainer.preprocessing();
    std::string classes;
    for (const std::string& text : options.classes) classes += (classes.empty() ? "" : " ") + text;
    std::string methods, settings;
    for (const std::string& method : explainer.methods()) methods += (methods.empty() ? "" : ",") + method;
    for (const auto& [key, value] : options.explainer.settings)
        settings += fmt::format("{}{}={}", settings.empty() ? "" : " ", key, value);
    const Saves& save = options.save;
    report::RunPlan result;
    result.inputs = inputs.size();
    result.boxes = save.boxes;
    result.report = save.report;
    result.settings = {
        {"model", record.model.file},
        {"the model's SHA-256", record.model.sha256},
        {"the list of inputs (SHA-256)", files::sha256(names)},
        {"--method", methods},
        {"--layer", record.layer},
        {"the method's settings", settings},
        {"--class", classes},
        {"--threshold", fmt::format("{}", record.threshold)},
        {"--components", record.components},
        {"--save", fmt::format("overlay {}, heatmap {}, mask {}, map {}, boxes {}, report {}", yes(save.overlay),
                               yes(save.heatmap), yes(save.mask), yes(save.map), yes(save.boxes), yes(save.report))},
        {"--colormap", options.overlay.colormap},
        {"--alpha", fmt::format("{}", options.overlay.alpha)},
        {"--signed", yes(options.overlay.is_signed)},
        {"--decompose", fmt::format("{}", options.explainer.parts)},
        {"--mean", fmt::format("{} {} {}", p.mean[0], p.mean[1], p.mean[2])},
        {"--std", fmt::format("{} {} {}", p.std[0], p.std[1], p.std[2])},
        {"--size", fmt::format("{}x{}", p.width, p.height)},
        {"--resize", p.resize == Resize::squash ? "squash" : fmt::format("{} {}", name(p.resize), p.crop_pct)},
        {"--color", std::string(name(p.color))},
        {"--layout", std::string(name(p.layout))},
        {"--range", fmt::format("{}", p.range)},
        {"--bits", options.sample_bits == 0 ? std::string() : std::to_string(options.sample_bits)},
        {"--input", record.model.input},
        {"--output", record.model.output},
        {"--labels (SHA-256)", files::sha256(fmt::format("{}", fmt::join(explainer.labels(), "\n")))},
        {"--feed (SHA-256)", digest_of_feeds(options.explainer)},
        {"the target's mask, embedding or photo (SHA-256)", digest_of_target(options.explainer)},
        {"--seed", fmt::format("{}", record.seed)},
    };
    return result;
}

}  // namespace locus::batch
