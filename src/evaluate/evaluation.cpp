#include "evaluate/evaluation.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "evaluate/journal.hpp"
#include "evaluate/measure.hpp"
#include "evaluate/report_page.hpp"
#include "evaluate/stored_maps.hpp"
#include "evaluate/subset.hpp"
#include "evaluate/truth.hpp"
#include "locus/error.hpp"
#include "report/atomic_file.hpp"
#include "report/utf8.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

std::vector<Metric> metrics_for_maps(const std::vector<std::string>& names, bool boxes, bool masks) {
    std::vector<Metric> chosen;
    if (names.empty()) {
        for (const Metric& metric : metrics()) {
            if (!metric.needs_model && (!metric.needs_boxes || boxes) && (!metric.needs_masks || masks))
                chosen.push_back(metric);
        }
        return chosen;
    }
    for (const std::string& name : names) {
        const Metric& metric = find_metric(name);
        const auto refuse = [&](const char* what) {
            throw Error(ErrorKind::usage, fmt::format("The metric {} needs {}.", metric.name, what));
        };
        if (metric.needs_model) refuse("a model (-m): it cannot be told from maps alone");
        if (metric.needs_boxes && !boxes) refuse("boxes (--boxes)");
        if (metric.needs_masks && !masks) refuse("masks (--masks)");
        const bool is_new =
            std::none_of(chosen.begin(), chosen.end(), [&](const Metric& m) { return m.name == metric.name; });
        if (is_new) chosen.push_back(metric);
    }
    return chosen;
}

/// What must not change between a run and the one that resumes it.
std::string heading_of(const EvaluationOptions& options, const std::vector<Metric>& metrics,
                       const std::vector<std::string>& names) {
    nlohmann::ordered_json heading{{"locus-evaluate", 1},
                                   {"boxes", report::to_utf8(options.boxes.string())},
                                   {"masks", report::to_utf8(options.masks.string())},
                                   {"step", options.step},
                                   {"side", options.side},
                                   {"threshold", options.threshold},
                                   {"tolerance", options.tolerance},
                                   {"seed", options.seed},
                                   {"subset", options.subset},
                                   {"images", names.size()}};
    for (const auto& folder : options.maps) heading["maps"].push_back(report::to_utf8(folder.string()));
    for (const Metric& metric : metrics) heading["metrics"].push_back(metric.name);
    return heading.dump();
}

void require_sense(const EvaluationOptions& options) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorKind::usage, sentence); };
    if (options.maps.empty()) refuse("There is nothing to evaluate: folders of maps (--maps) are needed.");
    if (options.boxes.empty() && options.masks.empty())
        refuse("There is nothing to compare with: --boxes or --masks is needed.");
    if (!(options.threshold >= 0 && options.threshold < 1)) {
        refuse(fmt::format("The box threshold is {}: a share of the maximum from 0 to less than 1 is right.",
                           options.threshold));
    }
    if (!(options.tolerance >= 0))
        refuse(fmt::format("The tolerance is {}: pixels, 0 or more, are right.", options.tolerance));
    if (options.side < 8 || options.side > 4096)
        refuse(fmt::format("The side of scored maps is {}: 8 to 4096 pixels are right.", options.side));
    if (options.resamples < 0 || options.resamples > 1'000'000) refuse("The number of resamples must be 0 to 1000000.");
    if (options.out.empty()) refuse("A folder for the results is needed.");
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
        remarks.push_back(counted.first == 1 ? fmt::format("{} {}.", text::quote(counted.second), remark)
                                             : fmt::format("{} images, {} among them: each {}.", counted.first,
                                                           text::quote(counted.second), remark));
    }
}

}  // namespace

Evaluation evaluate(const EvaluationOptions& options, const EvaluationObserver& observer) {
    require_sense(options);
    TruthList truths;
    if (!options.boxes.empty()) truths = read_boxes(options.boxes);
    if (!options.masks.empty()) add_masks(truths, options.masks);
    std::vector<StoredMaps> folders;
    for (const auto& folder : options.maps) folders.emplace_back(folder);

    Evaluation result;
    RunDescription& description = result.description;
    description.version = options.version;
    description.data = fmt::format("boxes {}, masks {}", options.boxes.empty() ? "none" : options.boxes.string(),
                                   options.masks.empty() ? "none" : options.masks.string());
    description.localization = {metrics_for_maps(options.metrics, !options.boxes.empty(), !options.masks.empty()),
                                options.step, options.side, options.threshold, options.tolerance};
    description.summary = {options.step, options.seed, options.resamples, options.threads};
    description.remarks = truths.remarks;

    std::vector<const Truth*> images;
    for (const std::size_t i : random_subset(truths.all().size(), options.subset, options.seed))
        images.push_back(&truths.all()[i]);
    std::vector<std::string> names;
    for (const Truth* truth : images) names.push_back(truth->name);
    for (const StoredMaps& folder : folders) {
        const auto matched =
            static_cast<std::size_t>(std::count_if(truths.all().begin(), truths.all().end(), [&](const Truth& truth) {
                return folder.find(truth.name) != nullptr;
            }));
        if (matched < folder.size()) {
            description.remarks.push_back(
                fmt::format("{} of {} maps in {} belong to no image with a box or mask: left out.",
                            folder.size() - matched, folder.size(), text::quote(folder.folder().string())));
        }
        if (matched == 0) {
            throw Error(
                ErrorKind::usage,
                fmt::format("No map in {} has the name of an image with a box or mask: {} is looked for, for instance.",
                            text::quote(folder.folder().string()),
                            text::quote(without_ending(truths.all().front().name) + ".npy")));
        }
    }

    std::filesystem::create_directories(options.out);
    Journal journal(options.out / "records.jsonl", heading_of(options, description.localization.metrics, names),
                    images.size(), options.resume);
    result.complete = measure_all(
        journal, images.size(),
        [&](const std::vector<std::size_t>& indices) {
            std::vector<ImageRecord> records;
            for (const std::size_t i : indices) {
                records.push_back(score_stored_maps(*images[i], i, folders, options.seed, description.localization));
            }
            return records;
        },
        {.unit = 8, .threads = options.threads, .stop = observer.stop, .progress = observer.progress});
    if (!result.complete) return result;

    result.records = journal.take();
    add_image_remarks(description.remarks, result.records);
    std::vector<RowName> rows;
    for (const StoredMaps& folder : folders) rows.push_back({"", folder.folder().string(), false});
    for (const Baseline baseline : baselines()) rows.push_back({"", name(baseline), true});
    result.summary = summarize(result.records, rows, description.localization.metrics, description.summary);
    result.table = metrics_table(description, result.summary);
    report::write_file_atomically(options.out / "metrics.json",
                                  metrics_json(description, result.records, result.summary));
    report::write_file_atomically(options.out / "metrics.csv", metrics_csv(description, result.summary));
    report::write_file_atomically(options.out / "report.html",
                                  metrics_page(description, result.records, result.summary));
    return result;
}

}  // namespace locus::evaluate
