#include "evaluate/results.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "text/csv_field.hpp"
#include "text/utf8.hpp"

namespace locus::evaluate {
namespace {

using nlohmann::ordered_json;

ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr); }

const char* better(const Metric& metric) { return metric.higher_is_better ? "higher" : "lower"; }

ordered_json curves_of(const RowSummary& row) {
    ordered_json curves = ordered_json::object();
    if (!row.thresholds.empty()) {
        curves["box_accuracy"] = {{"thresholds", row.thresholds}, {"largest_0.5", row.largest_accuracy}};
        for (const auto& [overlap, values] : row.any_accuracy) curves["box_accuracy"]["any_" + overlap] = values;
    }
    if (!row.precision_recall.empty()) {
        ordered_json thresholds = ordered_json::array(), precision = ordered_json::array(),
                     recall = ordered_json::array();
        for (const PrecisionRecall& point : row.precision_recall) {
            thresholds.push_back(point.threshold);
            precision.push_back(point.precision);
            recall.push_back(point.recall);
        }
        curves["precision_recall"] = {{"thresholds", thresholds}, {"precision", precision}, {"recall", recall}};
    }
    if (!row.insertion.empty()) curves["insertion"] = row.insertion;
    if (!row.deletion.empty()) curves["deletion"] = row.deletion;
    return curves;
}

ordered_json row_of(const RowSummary& row, const std::vector<Metric>& metrics) {
    ordered_json values = ordered_json::object();
    for (const Metric& metric : metrics) {
        const auto cell = row.cells.find(metric.name);
        if (cell == row.cells.end()) continue;
        values[metric.name] = {{"value", number(cell->second.value)},
                               {"low", number(cell->second.low)},
                               {"high", number(cell->second.high)},
                               {"images", cell->second.images}};
        if (metric.name != "maxboxaccv2") continue;
        for (const auto& [overlap, accuracy] : row.any_accuracy)
            values[metric.name]["at"][overlap] = *std::max_element(accuracy.begin(), accuracy.end());
    }
    return {{"model", text::to_utf8(row.name.model)},
            {"method", text::to_utf8(row.name.method)},
            {"baseline", row.name.is_baseline},
            {"values", std::move(values)},
            {"curves", curves_of(row)}};
}

/// "" where there is none.
std::string csv_number(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

}  // namespace

std::string metrics_json(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary) {
    ordered_json root{{"locus", run.version},
                      {"data", text::to_utf8(run.data)},
                      {"images", summary.images},
                      {"options",
                       {{"step", run.localization.step},
                        {"side", run.localization.side},
                        {"threshold", run.localization.threshold},
                        {"tolerance", run.localization.tolerance},
                        {"steps", run.steps},
                        {"seed", run.summary.seed},
                        {"resamples", run.summary.resamples}}}};
    root["metrics"] = ordered_json::array();
    for (const Metric& metric : run.localization.metrics) {
        root["metrics"].push_back(
            {{"name", metric.name}, {"title", metric.title}, {"meaning", metric.meaning}, {"better", better(metric)}});
    }
    root["rows"] = ordered_json::array();
    for (const RowSummary& row : summary.rows) root["rows"].push_back(row_of(row, run.localization.metrics));
    root["comparisons"] = ordered_json::array();
    for (const Comparison& c : summary.comparisons) {
        root["comparisons"].push_back({{"a", c.a},
                                       {"b", c.b},
                                       {"metric", c.metric},
                                       {"difference", number(c.difference)},
                                       {"low", number(c.low)},
                                       {"high", number(c.high)},
                                       {"p", number(c.p)}});
    }
    root["classes"] = ordered_json::array();
    for (const ClassSummary& entry : summary.classes) {
        root["classes"].push_back({{"label", text::to_utf8(entry.label)},
                                   {"key", text::to_utf8(entry.key)},
                                   {"images", entry.images},
                                   {"rows", entry.rows}});
    }
    root["failed"] = ordered_json::array();
    for (const ImageRecord& record : records) {
        if (!record.error.empty()) {
            root["failed"].push_back({{"file", text::to_utf8(record.name)}, {"error", text::to_utf8(record.error)}});
        }
    }
    root["remarks"] = ordered_json::array();
    for (const std::string& remark : run.remarks) root["remarks"].push_back(text::to_utf8(remark));
    return root.dump(1) + '\n';
}

std::string metrics_csv(const RunDescription& run, const Summary& summary) {
    std::string csv = "model,method,baseline,metric,better,value,low,high,images\n";
    for (const RowSummary& row : summary.rows) {
        for (const Metric& metric : run.localization.metrics) {
            const auto found = row.cells.find(metric.name);
            if (found == row.cells.end()) continue;
            const Cell& cell = found->second;
            csv += fmt::format("{},{},{},{},{},{},{},{},{}\n", text::csv_field(text::to_utf8(row.name.model)),
                               text::csv_field(text::to_utf8(row.name.method)), row.name.is_baseline ? "yes" : "no",
                               metric.name, better(metric), cell.value, csv_number(cell.low), csv_number(cell.high),
                               cell.images);
        }
    }
    return csv;
}

std::string metrics_table(const RunDescription& run, const Summary& summary) {
    std::vector<const Metric*> columns;
    for (const Metric& metric : run.localization.metrics) {
        const bool any = std::any_of(summary.rows.begin(), summary.rows.end(),
                                     [&](const RowSummary& row) { return row.cells.contains(metric.name); });
        if (any) columns.push_back(&metric);
    }
    // Widths count characters, not bytes: arrows take three bytes.
    struct Field {
        std::string text;
        std::size_t width;
    };
    std::vector<std::vector<Field>> lines(1);
    lines[0].push_back({"", 0});
    for (const Metric* metric : columns) {
        lines[0].push_back(
            {metric->title + (metric->higher_is_better ? " \u2191" : " \u2193"), metric->title.size() + 2});
    }
    for (const RowSummary& row : summary.rows) {
        std::string name = text::to_utf8(row.name.method);
        if (!row.name.model.empty()) name = text::to_utf8(row.name.model) + " " + name;
        if (row.name.is_baseline) name = "(" + name + ")";
        std::vector<Field>& line = lines.emplace_back();
        line.push_back({name, name.size()});
        for (const Metric* metric : columns) {
            const auto found = row.cells.find(metric->name);
            std::string text = "-";
            if (found != row.cells.end()) {
                const Cell& cell = found->second;
                const int digits = metric->pooling == Pooling::mean ? 3 : 1;
                text = run.summary.resamples > 0 ? fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", cell.value, digits,
                                                               cell.low, digits, cell.high, digits)
                                                 : fmt::format("{:.{}f}", cell.value, digits);
            }
            line.push_back({text, text.size()});
        }
    }
    std::vector<std::size_t> widths(columns.size() + 1);
    for (const auto& line : lines) {
        for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].width);
    }
    std::string text;
    for (const auto& line : lines) {
        for (std::size_t c = 0; c < line.size(); ++c) {
            const std::string space(widths[c] - line[c].width, ' ');
            text += c == 0 ? line[c].text + space : "  " + space + line[c].text;
        }
        text += '\n';
    }
    return text;
}

}  // namespace locus::evaluate
