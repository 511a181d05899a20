#include "report/run_outputs.hpp"

#include <cstddef>
#include <future>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "report/boxes_csv.hpp"
#include "report/coco.hpp"
#include "report/journal_line.hpp"
#include "report/out_folder.hpp"
#include "report/report_html.hpp"
#include "report/results_json.hpp"
#include "text/utf8.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

/// boxes.csv and boxes.coco.json.
class BoxFiles {
public:
    explicit BoxFiles(const std::filesystem::path& out) : csv_(out / "boxes.csv"), coco_(out / "boxes.coco.json") {
        csv_.write(boxes_csv_head());
    }

    void image(std::size_t index, const std::string& json) {
        const Json image = Json::parse(json);
        csv_.write(boxes_csv_lines(image));
        coco_.image(index + 1, image);
    }

    void commit() {
        csv_.commit();
        coco_.commit();
    }

private:
    files::AtomicFile csv_;
    CocoWriter coco_;
};

/// Returns how many images lack files that their entries name.
std::size_t write_results(const std::filesystem::path& out, files::AtomicFile& results, BoxFiles* boxes,
                          const RunJournal& journal, const RunRecord& run, bool unfinished) {
    results.write(
        results_head(run, unfinished ? std::optional(Progress{journal.done(), journal.inputs()}) : std::nullopt));
    std::size_t lacking = 0;
    bool first = true;
    const auto write_entry = [&](const std::string& json) {
        results.write(results_separator(first));
        results.write(json);
        first = false;
    };
    for (std::size_t i = 0; i < journal.inputs(); ++i) {
        if (!journal.contains(i) || journal.is_failure(i)) continue;
        const std::string json = journal.line(i).json;
        write_entry(json);
        lacking += lacks_files(out, json) ? 1 : 0;
        if (boxes) boxes->image(i, json);
    }
    results.write(results_middle(!first));
    first = true;
    for (std::size_t i = 0; i < journal.inputs(); ++i)
        if (journal.is_failure(i)) write_entry(journal.line(i).json);
    results.write(results_tail(!first));
    return lacking;
}

void write_page(ReportWriter& page, const RunJournal& journal) {
    for (std::size_t i = 0; i < journal.inputs(); ++i) {
        if (!journal.contains(i) || journal.is_failure(i)) continue;
        if (journal.preview_side(i) == 0) {
            page.hidden_image();
            continue;
        }
        const JournalLine line = journal.line(i);
        page.image(line.json, line.maps, line.preview);
    }
    for (std::size_t i = 0; i < journal.inputs(); ++i)
        if (journal.is_failure(i)) page.failure(journal.line(i).json);
}

}  // namespace

void write_outputs(const std::filesystem::path& out, const RunPlan& plan, const RunJournal& journal,
                   const RunRecord& run, bool unfinished) {
    // Of all the largest, and so put together beside the others.
    std::optional<ReportWriter> page;
    std::future<void> page_written;
    if (plan.report) {
        page.emplace(out / "report.html");
        page_written = std::async(std::launch::async, [&] { write_page(*page, journal); });
    }
    files::AtomicFile results(out / "results.json");
    std::optional<BoxFiles> boxes;
    if (plan.boxes) boxes.emplace(out);
    const std::size_t lacking = write_results(out, results, boxes ? &*boxes : nullptr, journal, run, unfinished);
    if (lacking > 0 && !unfinished) {
        throw Error(ErrorKind::io, fmt::format("files of {} of {} images are gone: they were removed from {} while the "
                                               "run wrote into it",
                                               lacking, journal.inputs(), text::to_utf8(out.native())));
    }

    if (page_written.valid()) page_written.get();
    if (boxes) boxes->commit();
    if (page) page->commit(run, unfinished);
    results.commit();
}

}  // namespace locus::report
