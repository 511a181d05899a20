// The outputs of a run, put together from its journal (RunJournal::write_outputs).

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "locus/error.hpp"
#include "report/atomic_file.hpp"
#include "report/boxes_csv.hpp"
#include "report/coco.hpp"
#include "report/report_html.hpp"
#include "report/results_json.hpp"
#include "report/run_journal.hpp"
#include "report/utf8.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

// Fields of a journal line.
constexpr std::size_t json_field = 2, maps_field = 3, preview_field = 4;

}  // namespace

void RunJournal::write_outputs(const RunRecord& run, bool unfinished) {
    AtomicFile results(out_ / "results.json");
    std::optional<AtomicFile> csv;
    std::optional<CocoWriter> coco;
    std::optional<ReportWriter> page;
    if (plan_.boxes) {
        csv.emplace(out_ / "boxes.csv");
        csv->write(boxes_csv_head());
        coco.emplace(out_ / "boxes.coco.json");
    }
    if (plan_.report) page.emplace(out_ / "report.html");

    results.write(results_head(run, unfinished ? std::optional(Progress{done_, entries_.size()}) : std::nullopt));
    bool first = true;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].length == 0 || entries_[i].is_failure) continue;
        const std::vector<std::string> line = fields(entries_[i]);
        results.write(results_separator(first));
        results.write(line.at(json_field));
        first = false;
        if (plan_.boxes) {
            const Json image = Json::parse(line.at(json_field));
            csv->write(boxes_csv_lines(image));
            coco->image(i + 1, image);
        }
        if (page && preview_side(i) > 0)
            page->image(line.at(json_field), line.at(maps_field), line.at(preview_field));
        else if (page)
            page->hidden_image();
    }
    results.write(results_middle(!first));
    first = true;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const Entry& entry = entries_[i];
        if (entry.length == 0 || (!entry.is_failure && !plan_.boxes)) continue;
        const std::string json = fields(entry).at(json_field);
        if (entry.is_failure) {
            results.write(results_separator(first));
            results.write(json);
            first = false;
            if (page) page->failure(json);
        } else {
            coco->annotations(i + 1, Json::parse(json));
        }
    }
    results.write(results_tail(!first));

    if (csv) csv->commit();
    if (coco) coco->commit();
    if (page) page->commit(run, unfinished);
    results.commit();
}

}  // namespace locus::report
