#include "evaluate/pages/report_figures.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/core.h>

#include "report/chart.hpp"
#include "text/utf8.hpp"

namespace locus::evaluate {
namespace {

/// How one number is spread over the images: for each bound the share of images that have at least so much.
std::string distribution(const std::vector<ImageRecord>& records, const Summary& summary, const char* value,
                         const char* title, const char* label, double from, double to) {
    report::Chart chart{title, label, "% of images with at least this", from, to, 0, 100};
    for (std::size_t r = 0; r < summary.rows.size(); ++r) {
        std::vector<double> values;
        for (const ImageRecord& record : records) {
            if (!record.error.empty()) continue;
            const auto found = record.rows[r].values.find(value);
            if (found != record.rows[r].values.end()) values.push_back(found->second);
        }
        if (values.empty()) continue;
        const RowName& row = summary.rows[r].name;
        report::ChartLine line{title_of(row), {}, {}, row.is_baseline};
        for (int i = 0; i <= 50; ++i) {
            const double bound = from + (to - from) * i / 50.0;
            const auto count = std::count_if(values.begin(), values.end(), [&](double v) { return v >= bound; });
            line.x.push_back(bound);
            line.y.push_back(100.0 * static_cast<double>(count) / static_cast<double>(values.size()));
        }
        chart.lines.push_back(std::move(line));
    }
    return chart.lines.empty() ? "" : report::figure_of(chart);
}

}  // namespace

std::string title_of(const RowName& name) {
    return text::to_utf8(name.model.empty() ? name.method : name.model + " " + name.method);
}

std::string curve_figures(const Summary& summary) {
    std::string html;
    const auto add = [&](const report::Chart& chart) {
        if (!chart.lines.empty()) html += report::figure_of(chart);
    };
    report::Chart largest{"Box accuracy, largest contour, IoU ≥ 0.5", "threshold", "% of images", 0, 1, 0, 100};
    report::Chart any{"Box accuracy, any contour, IoU ≥ 0.5", "threshold", "% of images", 0, 1, 0, 100};
    report::Chart pixels{"Precision against recall", "recall", "precision", 0, 1, 0, 1};
    report::Chart insertion{"Insertion", "share of pixels inserted", "probability", 0, 1, 0, 1};
    report::Chart deletion{"Deletion", "share of pixels removed", "probability", 0, 1, 0, 1};
    for (const RowSummary& row : summary.rows) {
        const std::string name = title_of(row.name);
        const bool reference = row.name.is_baseline;
        if (!row.thresholds.empty()) {
            largest.lines.push_back({name, row.thresholds, row.largest_accuracy, reference});
            any.lines.push_back({name, row.thresholds, row.any_accuracy.at("0.5"), reference});
        }
        if (!row.precision_recall.empty()) {
            report::ChartLine line{name, {}, {}, reference};
            for (const PrecisionRecall& point : row.precision_recall) {
                line.x.push_back(point.recall);
                line.y.push_back(point.precision);
            }
            pixels.lines.push_back(std::move(line));
        }
        const auto steps = [&](const std::vector<double>& curve) {
            report::ChartLine line{name, {}, curve, reference};
            for (std::size_t i = 0; i < curve.size(); ++i)
                line.x.push_back(static_cast<double>(i) / static_cast<double>(curve.size() - 1));
            return line;
        };
        if (row.insertion.size() > 1) insertion.lines.push_back(steps(row.insertion));
        if (row.deletion.size() > 1) deletion.lines.push_back(steps(row.deletion));
    }
    for (report::Chart* chart : {&insertion, &deletion}) {  // weak networks are nowhere near 1
        double highest = 0;
        for (const report::ChartLine& line : chart->lines)
            highest = std::max(highest, *std::ranges::max_element(line.y));
        for (const double top : {0.5, 0.2, 0.1, 0.05}) chart->y_max = highest <= top ? top : chart->y_max;
    }
    for (const report::Chart& chart : {largest, any, pixels, insertion, deletion}) add(chart);
    return html;
}

std::string distribution_figures(const std::vector<ImageRecord>& records, const Summary& summary, double threshold) {
    const std::string overlap = fmt::format("Overlap of the box at {:g} % of the maximum", 100 * threshold);
    return distribution(records, summary, "iou", overlap.c_str(), "IoU", 0, 1) +
           distribution(records, summary, "insertion", "Insertion", "area under the curve", 0, 1) +
           distribution(records, summary, "deletion", "Deletion", "area under the curve", 0, 1) +
           distribution(records, summary, "drop", "Drop of the confidence", "share lost", 0, 1) +
           distribution(records, summary, "road", "ROAD", "confidence kept less lost", -0.5, 0.5);
}

}  // namespace locus::evaluate
