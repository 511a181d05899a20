#include "evaluate/evaluation.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <system_error>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "evaluate/journal.hpp"
#include "evaluate/measure.hpp"
#include "evaluate/metrics/thresholds.hpp"
#include "evaluate/model_run.hpp"
#include "evaluate/pages/picture.hpp"
#include "evaluate/pages/report_page.hpp"
#include "evaluate/stored_maps.hpp"
#include "evaluate/subset.hpp"
#include "evaluate/truth/truth.hpp"
#include "files/atomic_file.hpp"
#include "files/files_below.hpp"
#include "files/npy.hpp"
#include "files/sha256.hpp"
#include "localize/threshold.hpp"
#include "locus/error.hpp"
#include "report/results_json.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::evaluate {
namespace {

/// Those asked for, checked; or all that the data allow and that cost no further passes.
std::vector<Metric> chosen_metrics(const EvaluationOptions& options) {
    const bool model = !options.models.empty(), boxes = !options.boxes.empty(), masks = !options.masks.empty();
    std::vector<Metric> chosen;
    if (options.metrics.empty()) {
        for (const Metric& metric : metrics()) {
            const bool dear = metric.needs_model && !metric.needs_labels;
            if ((!metric.needs_model || model) && !dear && (!metric.needs_boxes || boxes) &&
                (!metric.needs_masks || masks)) {
                chosen.push_back(metric);
            }
        }
        return chosen;
    }
    for (const std::string& name : options.metrics) {
        const Metric& metric = find_metric(name);
        const auto refuse = [&](const char* what) {
            throw Error(ErrorKind::usage, fmt::format("the metric {} needs {}", metric.name, what));
        };
        if (metric.needs_model && !model) refuse("a model (-m): it cannot be told from maps alone");
        if (metric.needs_boxes && !boxes) refuse("boxes (--boxes)");
        if (metric.needs_masks && !masks) refuse("masks (--masks)");
        if (!has_metric(chosen, metric.name)) chosen.push_back(metric);
    }
    return chosen;
}

/// What is measured: images in an order, and how.
struct Job {
    std::size_t images = 0;
    std::vector<RowName> rows;
    std::function<std::vector<ImageRecord>(const std::vector<std::size_t>& indices)> measure;
    std::size_t unit = 8;
    PictureOf picture;
    std::vector<Preprocessing> preprocessing;  ///< of each model
};

/// Of the names, sizes and times of change of a folder's files with this ending: what tells, without reading them, that
/// one was changed.
std::string digest_of_folder(const std::filesystem::path& folder, std::string_view ending) {
    std::error_code failed;
    std::string text;
    for (const auto& file : files::files_below(folder, ending, failed)) {
        std::error_code unknown;  // of a link that leads nowhere, which has no size and time to change
        const auto size = std::filesystem::file_size(file, unknown);
        const auto time = std::filesystem::last_write_time(file, unknown);
        text += fmt::format("{}\n{} {}\n", file.lexically_relative(folder).generic_string(), size,
                            time.time_since_epoch().count());
    }
    if (failed) {
        throw Error(ErrorKind::io,
                    fmt::format("{} cannot be looked through: {}", text::quote(folder.string()), failed.message()));
    }
    return files::sha256(text);
}

/// A file, or a folder of files with this ending, by its name and what tells that it was changed.
nlohmann::ordered_json identity_of(const std::filesystem::path& path, std::string_view ending) {
    const std::string name = text::to_utf8(path.string());
    std::error_code unknown;
    if (std::filesystem::is_regular_file(path, unknown)) return {name, files::sha256_of_file(path)};
    if (std::filesystem::is_directory(path, unknown)) return {name, digest_of_folder(path, ending)};
    return name;
}

/// What must not change between a run and the one that resumes it.
std::string heading_of(const EvaluationOptions& options, const std::vector<Metric>& metrics, const Job& job) {
    nlohmann::ordered_json heading{{"locus-evaluate", 5},
                                   {"locus", options.version},
                                   {"truth", identity_of(options.truth, ".csv")},
                                   {"classes", identity_of(options.classes, ".csv")},
                                   {"boxes", identity_of(options.boxes, ".xml")},
                                   {"masks", identity_of(options.masks, ".png")},
                                   {"step", options.step},
                                   {"side", options.side},
                                   {"threshold", options.threshold},
                                   {"tolerance", options.tolerance},
                                   {"steps", options.steps},
                                   {"seed", options.seed},
                                   {"subset", options.subset},
                                   {"images", job.images}};
    if (options.sample_bits != 0) heading["bits"] = options.sample_bits;
    for (const auto& folder : options.maps) heading["maps"].push_back(identity_of(folder, ".npy"));
    for (const auto& source : options.data) heading["data"].push_back(text::to_utf8(source.string()));
    for (const auto& model : options.models)
        heading["models"].push_back({text::to_utf8(model.string()), files::sha256_of_file(model)});
    for (const Preprocessing& p : job.preprocessing)
        heading["preprocessing"].push_back(nlohmann::ordered_json::parse(report::preprocessing_json(p, {})));
    for (const std::string& method : options.methods) heading["methods"].push_back(text::to_utf8(method));
    for (const Metric& metric : metrics) heading["metrics"].push_back(metric.name);
    return heading.dump();
}

void require_sense(const EvaluationOptions& options) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorKind::usage, sentence); };
    if (options.maps.empty() && options.models.empty())
        refuse("there is nothing to evaluate: a model (-m) or a folder of maps (--maps) is needed");
    if (!options.maps.empty() && !options.models.empty())
        refuse("models (-m) and stored maps (--maps) are evaluated in runs of their own");
    if (!options.models.empty() && options.data.empty()) refuse("a model needs images: --data");
    if (options.models.empty() && !options.data.empty())
        refuse("images (--data) are for models: stored maps are compared with boxes and masks alone");
    if (options.models.empty() && !options.truth.empty())
        refuse("true classes (--truth) are for models: stored maps are compared with boxes and masks alone");
    if (!options.maps.empty() && options.boxes.empty() && options.masks.empty()) {
        refuse("there is nothing to compare the maps with: --boxes or --masks is needed");
    }
    localize::require_threshold(options.threshold);
    if (!(options.tolerance >= 0))
        refuse(fmt::format("the tolerance is {}: pixels, 0 or more, are right", options.tolerance));
    if (options.side < 8 || options.side > 4096)
        refuse(fmt::format("the side of scored maps is {}: 8 to 4096 pixels are right", options.side));
    if (options.resamples < 0 || options.resamples > 1'000'000) refuse("the number of resamples must be 0 to 1000000");
    if (options.out.empty()) refuse("a folder for the results is needed");
}

/// Remarks that many images share become one sentence.
void add_image_remarks(std::vector<std::string>& remarks, const std::vector<ImageRecord>& records) {
    std::map<std::string, std::pair<std::size_t, std::string>> counts;
    for (const ImageRecord& record : records) {
        for (const std::string& remark : record.remarks) {
            auto& [count, example] = counts[remark];
            if (count++ == 0) example = record.name;
        }
    }
    for (const auto& [remark, counted] : counts) {
        remarks.push_back(counted.first == 1 ? fmt::format("{} {}", text::quote(counted.second), remark)
                                             : fmt::format("{} images, {} among them: each {}", counted.first,
                                                           text::quote(counted.second), remark));
    }
}

/// How many of the images have a map in the folder. Throws Error(usage) where one map would be two images'.
std::size_t matched_maps(const StoredMaps& folder, const std::vector<Truth>& images) {
    std::unordered_map<const std::filesystem::path*, const Truth*> owners;
    for (const Truth& image : images) {
        const std::filesystem::path* map = folder.find(image.name);
        if (map == nullptr) continue;
        const auto [owner, is_first] = owners.emplace(map, &image);
        if (is_first) continue;
        const bool by_ending = without_ending(owner->second->name) == without_ending(image.name);
        throw Error(
            ErrorKind::usage,
            fmt::format("{} may be the map of {} or of {}: it needs the image's {}", text::quote(map->string()),
                        text::quote(owner->second->name), text::quote(image.name),
                        by_ending ? "ending before its own, as " + text::quote(image.name + ".npy") : "folders"));
    }
    return owners.size();
}

Job job_for_maps(const EvaluationOptions& options, const std::shared_ptr<TruthList>& truths,
                 RunDescription& description) {
    auto folders = std::make_shared<std::vector<StoredMaps>>();
    for (const auto& folder : options.maps) folders->emplace_back(folder);
    const std::vector<Truth>& all = truths->all();
    for (const StoredMaps& folder : *folders) {
        const std::size_t matched = matched_maps(folder, all);
        if (matched == 0) {
            throw Error(
                ErrorKind::usage,
                fmt::format("no map in {} has the name of an image with a box or mask: {} is looked for, for instance",
                            text::quote(folder.folder().string()),
                            text::quote(without_ending(all.front().name) + ".npy")));
        }
        if (matched < folder.size()) {
            description.remarks.push_back(
                fmt::format("{} of {} maps in {} belong to no image with a box or mask: left out",
                            folder.size() - matched, folder.size(), text::quote(folder.folder().string())));
        }
    }
    const std::vector<std::size_t> drawn = random_subset(all.size(), options.subset, options.seed);
    Job job{.images = drawn.size(), .rows = {}, .measure = {}, .picture = {}, .preprocessing = {}};
    for (const StoredMaps& folder : *folders) job.rows.push_back({"", folder.folder().string(), false});
    for (const Baseline baseline : baselines()) job.rows.push_back({"", name(baseline), true});
    auto baseline_scorer = std::make_shared<BaselineScorer>(description.localization, options.seed);
    job.measure = [=, localization = description.localization](const std::vector<std::size_t>& indices) {
        std::vector<ImageRecord> records;
        for (const std::size_t i : indices) {
            records.push_back(score_stored_maps(truths->all()[drawn[i]], i, *folders, *baseline_scorer, localization));
        }
        return records;
    };
    job.picture = [=, threshold = options.threshold](const ImageRecord& record,
                                                     std::size_t row) -> std::optional<Image> {
        const Truth& truth = truths->all()[drawn[record.index]];
        const std::filesystem::path* file = row < folders->size() ? (*folders)[row].find(truth.name) : nullptr;
        if (file == nullptr || truth.width == 0) return std::nullopt;
        const Region whole{.width = static_cast<double>(truth.width), .height = static_cast<double>(truth.height)};
        return picture_of({}, map_for_boxes(files::read_npy(*file)), whole, truth.boxes, truth.width, truth.height,
                          threshold);
    };
    return job;
}

Job job_for_models(const EvaluationOptions& options, const std::shared_ptr<TruthList>& truths,
                   const std::atomic<bool>* stop, RunDescription& description) {
    ModelRunOptions run_options{
        .classes = options.classes, .truth = options.truth, .seed = options.seed, .sample_bits = options.sample_bits};
    run_options.scorer.localization = description.localization;
    run_options.scorer.faithfulness.steps = options.steps;
    run_options.scorer.faithfulness.seed = options.seed;
    run_options.scorer.faithfulness.batch = options.batch;
    run_options.scorer.threads = 1;  // several batches at once keep the cores busier than several threads in one
    run_options.scorer.seed = options.seed;
    run_options.scorer.stop = stop;
    const std::vector<std::string> methods =
        options.methods.empty() ? std::vector<std::string>{"auto"} : options.methods;
    auto run = std::make_shared<ModelRun>(options.models, methods, options.data, *truths, run_options);
    for (const std::string& remark : run->remarks()) description.remarks.push_back(remark);
    const std::vector<std::size_t> drawn = random_subset(run->images(), options.subset, options.seed);
    Job job{.images = drawn.size(),
            .rows = run->rows(),
            .measure = {},
            .unit = options.batch,
            .picture = {},
            .preprocessing = run->preprocessing()};
    // The run looks things up in the truths: both are kept as long as the job is.
    job.measure = [truths, run, drawn](const std::vector<std::size_t>& indices) {
        std::vector<std::size_t> images;
        for (const std::size_t i : indices) images.push_back(drawn[i]);
        return run->measure(images, indices);
    };
    job.picture = [truths, run, drawn](const ImageRecord& record, std::size_t row) {
        return run->picture(drawn[record.index], row, record.rows[row].preview);
    };
    return job;
}

std::string data_of(const EvaluationOptions& options) {
    std::string text;
    for (const auto& source : options.data) text += (text.empty() ? "" : ", ") + source.string();
    if (!options.boxes.empty()) text += (text.empty() ? "boxes " : "; boxes ") + options.boxes.string();
    if (!options.masks.empty()) text += (text.empty() ? "masks " : "; masks ") + options.masks.string();
    return text;
}

/// All that is done before the first image: the truths and the models are read, and on rank 0 the journal is opened.
struct Setting {
    Job job;
    std::optional<Journal> journal;
};

void prepare(const EvaluationOptions& options, bool keeps_journal, const std::atomic<bool>* stop,
             RunDescription& description, Setting& setting) {
    require_sense(options);
    auto truths = std::make_shared<TruthList>();
    if (!options.boxes.empty()) *truths = read_boxes(options.boxes);
    if (!options.masks.empty()) add_masks(*truths, options.masks);
    if (options.models.empty() && truths->all().empty())
        throw Error(ErrorKind::io, "no image has a box or mask: there is nothing to hold maps against");
    description.version = options.version;
    description.data = data_of(options);
    description.localization = {chosen_metrics(options), options.step, options.side, options.threshold,
                                options.tolerance};
    description.summary = {options.step, options.seed, options.resamples, options.threads};
    description.steps = options.steps;
    description.remarks = truths->remarks;
    thresholds(options.step);  // a wrong step is told before any work is done

    setting.job = options.models.empty() ? job_for_maps(options, truths, description)
                                         : job_for_models(options, truths, stop, description);
    if (!keeps_journal) return;
    setting.journal.emplace(options.out, heading_of(options, description.localization.metrics, setting.job),
                            setting.job.images, options.begin);
}

}  // namespace

namespace {

Evaluation whole_evaluation(const EvaluationOptions& options, const EvaluationObserver& observer) {
    const cluster::Cluster alone = cluster::Cluster::alone();
    const cluster::Cluster& cluster = options.cluster == nullptr ? alone : *options.cluster;
    Evaluation result;
    RunDescription& description = result.description;
    Setting setting;
    std::exception_ptr failure;
    try {
        prepare(options, cluster.rank() == 0, observer.stop, description, setting);
    } catch (...) {
        failure = std::current_exception();
    }
    cluster.agree(failure);
    const Job& job = setting.job;
    if (cluster.rank() > 0) {  // rank 0 keeps the journal and makes the tables
        help_measure(job.measure, cluster, options.threads);
        result.is_worker = true;
        return result;
    }
    Journal& journal = *setting.journal;
    result.complete = measure_all(
        journal, job.images, job.measure, cluster,
        {.unit = job.unit, .threads = options.threads, .stop = observer.stop, .progress = observer.progress});
    if (!result.complete) return result;

    result.records = journal.take();
    add_image_remarks(description.remarks, result.records);
    result.summary = summarize(result.records, job.rows, description.localization.metrics, description.summary);
    result.table = metrics_table(description, result.summary);
    files::write_file_atomically(options.out / "metrics.json",
                                 metrics_json(description, result.records, result.summary));
    files::write_file_atomically(options.out / "metrics.csv", metrics_csv(description, result.summary));
    files::write_file_atomically(options.out / "report.html",
                                 metrics_page(description, result.records, result.summary, job.picture));
    return result;
}

}  // namespace

Evaluation evaluate(const EvaluationOptions& options, const EvaluationObserver& observer) {
    try {
        return whole_evaluation(options, observer);
    } catch (const Stopped&) {  // before the first image, or at the pictures of the page
        Evaluation stopped;
        stopped.complete = false;
        return stopped;
    }
}

}  // namespace locus::evaluate
