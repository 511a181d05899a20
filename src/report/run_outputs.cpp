// The outputs of a run, put together from its journal (RunJournal::write_outputs), and the files that they name.

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "report/boxes_csv.hpp"
#include "report/coco.hpp"
#include "report/out_folder.hpp"
#include "report/report_html.hpp"
#include "report/results_json.hpp"
#include "report/run_journal.hpp"
#include "text/utf8.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

// Fields of a journal line.
constexpr std::size_t json_field = 2, maps_field = 3, preview_field = 4;

}  // namespace

void RunJournal::require_files() const {
    const auto lacking = std::count_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return !entry.is_failure && lacks_files(out_, fields(entry).at(json_field));
    });
    if (lacking == 0) return;
    throw Error(ErrorKind::io, fmt::format("files of {} of {} images are gone: they were removed from {} while the run "
                                           "wrote into it",
                                           lacking, entries_.size(), text::to_utf8(out_.native())));
}

void RunJournal::write_outputs(const RunRecord& run, bool unfinished) {
    // Of all the largest, and so put together beside the others.
    std::optional<ReportWriter> page;
    std::future<void> page_written;
    if (plan_.report) {
        page.emplace(out_ / "report.html");
        page_written = std::async(std::launch::async, [&] { write_page(*page); });
    }
    files::AtomicFile results(out_ / "results.json");
    std::optional<files::AtomicFile> csv;
    std::optional<CocoWriter> coco;
    if (plan_.boxes) {
        csv.emplace(out_ / "boxes.csv");
        csv->write(boxes_csv_head());
        coco.emplace(out_ / "boxes.coco.json");
    }
    results.write(results_head(run, unfinished ? std::optional(Progress{done_, entries_.size()}) : std::nullopt));
    bool first = true;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].length == 0 || entries_[i].is_failure) continue;
        const std::string json = fields(entries_[i]).at(json_field);
        results.write(results_separator(first));
        results.write(json);
        first = false;
        if (plan_.boxes) {
            const Json image = Json::parse(json);
            csv->write(boxes_csv_lines(image));
            coco->image(i + 1, image);
        }
    }
    results.write(results_middle(!first));
    first = true;
    for (const Entry& entry : entries_) {
        if (!entry.is_failure) continue;
        results.write(results_separator(first));
        results.write(fields(entry).at(json_field));
        first = false;
    }
    results.write(results_tail(!first));

    if (page_written.valid()) page_written.get();
    if (csv) csv->commit();
    if (coco) coco->commit();
    if (page) page->commit(run, unfinished);
    results.commit();
}

void RunJournal::write_page(ReportWriter& page) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].length == 0 || entries_[i].is_failure) continue;
        if (preview_side(i) == 0) {
            page.hidden_image();
            continue;
        }
        const std::vector<std::string> line = fields(entries_[i]);
        page.image(line.at(json_field), line.at(maps_field), line.at(preview_field));
    }
    for (const Entry& entry : entries_) {
        if (entry.is_failure) page.failure(fields(entry).at(json_field));
    }
}

}  // namespace locus::report
