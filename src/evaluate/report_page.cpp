#include "evaluate/report_page.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "evaluate/chart.hpp"
#include "image/encode.hpp"
#include "report/base64.hpp"
#include "report/utf8.hpp"

namespace locus::evaluate {
namespace {

constexpr const char* style = R"(<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #8884 }
th:first-child, td:first-child { text-align: left } td small { color: #777 } tr.baseline { color: #777 }
td.best { font-weight: 700 } .figures { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; flex: 1 1 22rem; min-width: 0 }
svg { width: 100%; height: auto; font-size: 11px; fill: currentColor } .grid { stroke: #8883 }
.images { display: flex; flex-wrap: wrap; gap: .8rem; list-style: none; padding: 0 } .images li { width: 11rem; overflow-wrap: anywhere; font-size: .85rem }
.images img { max-width: 100%; height: auto; display: block } .images small { color: #777; display: block }
.legend span { margin-right: 1rem; white-space: nowrap; font-size: .85rem } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .3em }
</style>)";

std::string row_name(const RowName& name) {
    return escaped(report::to_utf8(name.model.empty() ? name.method : name.model + " " + name.method));
}

int digits_of(const Metric& metric) { return metric.pooling == Pooling::mean ? 3 : 1; }

std::string main_table(const RunDescription& run, const Summary& summary) {
    std::string html = "<div class=\"scroll\"><table><thead><tr><th></th>";
    std::vector<const Metric*> columns;
    for (const Metric& metric : run.localization.metrics) {
        if (std::any_of(summary.rows.begin(), summary.rows.end(),
                        [&](const RowSummary& r) { return r.cells.contains(metric.name); })) {
            columns.push_back(&metric);
        }
    }
    for (const Metric* metric : columns) {
        html += fmt::format("<th title=\"{}\">{} {}</th>", escaped(metric->meaning), escaped(metric->title),
                            metric->higher_is_better ? "↑" : "↓");
    }
    html += "</tr></thead><tbody>";
    std::map<std::string, double> best;
    for (const RowSummary& row : summary.rows) {
        for (const Metric* metric : columns) {
            const auto cell = row.cells.find(metric->name);
            if (cell == row.cells.end() || row.name.is_baseline) continue;
            const auto [entry, first] = best.try_emplace(metric->name, cell->second.value);
            if (!first) {
                entry->second = metric->higher_is_better ? std::max(entry->second, cell->second.value)
                                                         : std::min(entry->second, cell->second.value);
            }
        }
    }
    for (const RowSummary& row : summary.rows) {
        html += fmt::format("<tr{}><td>{}</td>", row.name.is_baseline ? " class=\"baseline\"" : "", row_name(row.name));
        for (const Metric* metric : columns) {
            const auto found = row.cells.find(metric->name);
            if (found == row.cells.end()) {
                html += "<td>–</td>";
                continue;
            }
            const Cell& cell = found->second;
            const bool is_best = !row.name.is_baseline && best[metric->name] == cell.value;
            html += fmt::format("<td{}>{:.{}f}", is_best ? " class=\"best\"" : "", cell.value, digits_of(*metric));
            if (run.summary.resamples > 0)
                html += fmt::format(" <small>{:.{}f} – {:.{}f}</small>", cell.low, digits_of(*metric), cell.high,
                                    digits_of(*metric));
            html += "</td>";
        }
        html += "</tr>";
    }
    return html + "</tbody></table></div>\n";
}

std::string charts(const Summary& summary) {
    std::string html;
    const auto add = [&](Chart chart) {
        if (!chart.lines.empty()) html += figure_of(chart);
    };
    Chart largest{"Box accuracy, largest contour, IoU ≥ 0.5", "threshold", "% of images", 0, 1, 0, 100, {}};
    Chart any{"Box accuracy, any contour, IoU ≥ 0.5", "threshold", "% of images", 0, 1, 0, 100, {}};
    Chart pixels{"Precision against recall", "recall", "precision", 0, 1, 0, 1, {}};
    Chart insertion{"Insertion", "share of pixels inserted", "probability", 0, 1, 0, 1, {}};
    Chart deletion{"Deletion", "share of pixels removed", "probability", 0, 1, 0, 1, {}};
    for (const RowSummary& row : summary.rows) {
        const std::string name =
            report::to_utf8(row.name.model.empty() ? row.name.method : row.name.model + " " + row.name.method);
        const bool dashed = row.name.is_baseline;
        if (!row.thresholds.empty()) {
            largest.lines.push_back({name, row.thresholds, row.largest_accuracy, dashed});
            any.lines.push_back({name, row.thresholds, row.any_accuracy.at("0.5"), dashed});
        }
        if (!row.precision_recall.empty()) {
            ChartLine line{name, {}, {}, dashed};
            for (const PrecisionRecall& point : row.precision_recall) {
                line.x.push_back(point.recall);
                line.y.push_back(point.precision);
            }
            pixels.lines.push_back(std::move(line));
        }
        const auto steps = [&](const std::vector<double>& curve) {
            ChartLine line{name, {}, curve, dashed};
            for (std::size_t i = 0; i < curve.size(); ++i)
                line.x.push_back(static_cast<double>(i) / static_cast<double>(curve.size() - 1));
            return line;
        };
        if (row.insertion.size() > 1) insertion.lines.push_back(steps(row.insertion));
        if (row.deletion.size() > 1) deletion.lines.push_back(steps(row.deletion));
    }
    for (const Chart& chart : {largest, any, pixels, insertion, deletion}) add(chart);
    return html;
}

/// Share of images whose box overlaps the truth by at least so much.
std::string overlap_chart(const std::vector<ImageRecord>& records, const Summary& summary) {
    Chart chart{"Overlap of the box at 20 % of the maximum, over images",
                "IoU",
                "% of images with at least this IoU",
                0,
                1,
                0,
                100,
                {}};
    for (std::size_t r = 0; r < summary.rows.size(); ++r) {
        std::vector<double> overlaps;
        for (const ImageRecord& record : records) {
            if (!record.error.empty()) continue;
            const auto found = record.rows[r].values.find("iou");
            if (found != record.rows[r].values.end()) overlaps.push_back(found->second);
        }
        if (overlaps.empty()) continue;
        const RowName& row = summary.rows[r].name;
        ChartLine line{
            report::to_utf8(row.model.empty() ? row.method : row.model + " " + row.method), {}, {}, row.is_baseline};
        for (int i = 0; i <= 50; ++i) {
            const double iou = i / 50.0;
            const auto count = std::count_if(overlaps.begin(), overlaps.end(), [&](double v) { return v >= iou; });
            line.x.push_back(iou);
            line.y.push_back(100.0 * static_cast<double>(count) / static_cast<double>(overlaps.size()));
        }
        chart.lines.push_back(std::move(line));
    }
    return chart.lines.empty() ? "" : figure_of(chart);
}

std::string comparisons(const Summary& summary) {
    if (summary.comparisons.empty()) return "";
    std::string html =
        "<h2>Pairs of methods on the same images</h2><div "
        "class=\"scroll\"><table><thead><tr><th>metric</th><th>a</th><th>b</th><th>a − b"
        "</th><th>95 %</th><th>p</th></tr></thead><tbody>";
    for (const Comparison& c : summary.comparisons) {
        html += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.3f}</td><td>{:.3f} – {:.3f}</td><td>{:.3f}</td></tr>",
            escaped(c.metric), row_name(summary.rows[c.a].name), row_name(summary.rows[c.b].name), c.difference, c.low,
            c.high, c.p);
    }
    return html + "</tbody></table></div>\n";
}

std::string class_table(const RunDescription& run, const Summary& summary) {
    if (summary.classes.empty()) return "";
    std::string html = "<h2>Classes</h2><div class=\"scroll\"><table><thead><tr><th>class</th><th>images</th>";
    for (const RowSummary& row : summary.rows) {
        if (row.name.is_baseline) continue;
        for (const Metric& metric : run.localization.metrics) {
            if (row.cells.contains(metric.name))
                html += fmt::format("<th>{}<br>{}</th>", row_name(row.name), escaped(metric.title));
        }
    }
    html += "</tr></thead><tbody>";
    for (const ClassSummary& entry : summary.classes) {
        html += fmt::format("<tr><td>{}</td><td>{}</td>", escaped(report::to_utf8(entry.label)), entry.images);
        for (std::size_t r = 0; r < summary.rows.size(); ++r) {
            if (summary.rows[r].name.is_baseline) continue;
            for (const Metric& metric : run.localization.metrics) {
                if (!summary.rows[r].cells.contains(metric.name)) continue;
                const auto found = entry.rows[r].find(metric.name);
                html += found == entry.rows[r].end()
                            ? std::string("<td>–</td>")
                            : fmt::format("<td>{:.{}f}</td>", found->second, digits_of(metric));
            }
        }
        html += "</tr>";
    }
    return html + "</tbody></table></div>\n";
}

/// <img> of the picture, or nothing.
std::string picture_html(const PictureOf& picture, std::size_t image, std::size_t row) {
    if (!picture) return "";
    const std::optional<Image> shown = picture(image, row);
    if (!shown) return "";
    return fmt::format("<img alt=\"\" width=\"{}\" height=\"{}\" src=\"data:image/jpeg;base64,{}\">", shown->width,
                       shown->height, report::base64(image::encode_jpeg(*shown, 80)));
}

std::string best_images(const std::vector<ImageRecord>& records, const Summary& summary, const PictureOf& picture) {
    constexpr std::size_t shown = 8;
    std::string html;
    for (std::size_t r = 0; r < summary.rows.size(); ++r) {
        if (summary.rows[r].name.is_baseline) continue;
        std::vector<std::pair<double, const ImageRecord*>> order;
        for (const ImageRecord& record : records) {
            if (!record.error.empty()) continue;
            const auto found = record.rows[r].values.find("iou");
            if (found != record.rows[r].values.end()) order.emplace_back(found->second, &record);
        }
        if (order.empty()) continue;
        std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        const auto list = [&](const char* title, bool from_best) {
            html += fmt::format("<h3>{}: {}</h3><ul class=\"images\">", row_name(summary.rows[r].name), title);
            for (std::size_t i = 0; i < std::min(shown, order.size()); ++i) {
                const auto& [iou, record] = from_best ? order[order.size() - 1 - i] : order[i];
                html +=
                    fmt::format("<li>{}<span>{}</span><small>IoU {:.3f}</small></li>",
                                picture_html(picture, record->index, r), escaped(report::to_utf8(record->name)), iou);
            }
            html += "</ul>";
        };
        list("worst boxes", false);
        list("best boxes", true);
    }
    return html.empty() ? ""
                        : "<h2>Best and worst images</h2><p>Under the heat: the box at 20 % of the map's maximum in "
                          "white, true boxes in "
                          "green.</p>" +
                              html;
}

}  // namespace

std::string metrics_page(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary,
                         const PictureOf& picture) {
    std::string html =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width, "
        "initial-scale=1\"><title>Locus: evaluation</title>";
    html += style;
    html += fmt::format(
        "</head><body><h1>How good are the maps?</h1><p>{} images; {}. Arrows point to the better side; small numbers "
        "are 95 % intervals over "
        "images ({} resamples); grey rows look at nothing. Locus {}.</p>",
        summary.images, escaped(report::to_utf8(run.data)), run.summary.resamples, escaped(run.version));
    html += main_table(run, summary);
    html += "<h2>Curves</h2><div class=\"figures\">" + charts(summary) + overlap_chart(records, summary) + "</div>\n";
    html += comparisons(summary);
    html += class_table(run, summary);
    html += best_images(records, summary, picture);
    if (summary.failed > 0) {
        html += fmt::format("<h2>Failed: {}</h2><ul>", summary.failed);
        for (const ImageRecord& record : records) {
            if (!record.error.empty())
                html += fmt::format("<li>{}: {}</li>", escaped(report::to_utf8(record.name)),
                                    escaped(report::to_utf8(record.error)));
        }
        html += "</ul>";
    }
    if (!run.remarks.empty()) {
        html += "<h2>Remarks</h2><ul>";
        for (const std::string& remark : run.remarks)
            html += fmt::format("<li>{}</li>", escaped(report::to_utf8(remark)));
        html += "</ul>";
    }
    return html + "</body></html>\n";
}

}  // namespace locus::evaluate
