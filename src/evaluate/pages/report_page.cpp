#include "evaluate/pages/report_page.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "evaluate/metrics/thresholds.hpp"
#include "evaluate/pages/report_figures.hpp"
#include "locus/image.hpp"
#include "report/chart.hpp"
#include "text/base64.hpp"
#include "text/html.hpp"
#include "text/utf8.hpp"

namespace locus::evaluate {
namespace {

constexpr const char* style = R"(:root { color-scheme: light dark; --quiet: #667; --line: #8884 }
@media (prefers-color-scheme: dark) { :root { --quiet: #99a } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1rem }
h1 { font-size: 1.5rem; margin: .4rem 0 } h2 { font-size: 1.15rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; vertical-align: bottom } th small { display: block; font-weight: 400; color: var(--quiet) }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: Canvas; white-space: normal; min-width: 7rem; max-width: 12rem; padding-left: 0; overflow-wrap: anywhere }
td small { display: block; color: var(--quiet); font-size: .78rem; font-weight: 400 } tr.baseline { color: var(--quiet) } tr.baseline td:first-child { font-style: italic }
td.best { font-weight: 700 } th[data-sort] { cursor: pointer } tr.sure td { font-weight: 600 }
summary { cursor: pointer; font-size: 1.15rem; font-weight: 700; margin-top: 2.2rem } summary.small { font-size: 1rem; margin-top: .8rem }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1.2rem }
figcaption { font-weight: 600; font-size: .95rem }
.images { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .8rem; list-style: none; padding: 0; margin: 0 } .images li { overflow-wrap: anywhere; font-size: .8rem; min-width: 0 }
.images img { max-width: 100%; height: auto; display: block; border-radius: .25rem } .images small { color: var(--quiet); display: block }
.quiet { color: var(--quiet) }
)";

/// Headings with data-sort sort the table's rows by their column, numbers by size, the other way at the second click.
constexpr const char* script = R"(<script>
for (const head of document.querySelectorAll('th[data-sort]')) head.addEventListener('click', () => {
  const body = head.closest('table').tBodies[0], at = head.cellIndex, up = head.dataset.sort !== 'up';
  head.dataset.sort = up ? 'up' : 'down';
  const key = row => { const text = row.cells[at].textContent, value = parseFloat(text); return isNaN(value) ? text : value };
  const rows = [...body.rows].sort((a, b) => { const x = key(a), y = key(b);
    return typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === 'number' ? -1 : 1 });
  body.append(...(up ? rows : rows.reverse()));
});
</script>)";

std::string row_name(const RowName& name) { return text::to_html(title_of(name)); }

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
        html +=
            fmt::format("<th title=\"{}\">{}<small>{}</small></th>", text::to_html(metric->meaning),
                        text::to_html(metric->title), metric->higher_is_better ? "↑ up is better" : "↓ down is better");
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
        html += fmt::format("<tr{}><td>{}{}</td>", row.name.is_baseline ? " class=\"baseline\"" : "",
                            text::to_html(text::to_utf8(row.name.method)),
                            row.name.model.empty()
                                ? ""
                                : fmt::format("<small>{}</small>", text::to_html(text::to_utf8(row.name.model))));
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

std::string comparisons(const Summary& summary) {
    if (summary.comparisons.empty()) return "";
    constexpr double sure = 0.05;
    const auto differ = std::count_if(summary.comparisons.begin(), summary.comparisons.end(),
                                      [](const Comparison& c) { return c.p < sure; });
    std::string html = fmt::format(
        "<details{}><summary>Pairs of methods on the same images</summary><p>Of {} differences {} are larger than "
        "chance "
        "would make them (p &lt; 0.05, in bold; of so many, {:.1f} would be by chance alone on average).</p><div "
        "class=\"scroll\"><table><thead><tr><th data-sort>metric</th><th data-sort>a</th><th data-sort>b</th><th "
        "data-sort>a − b</th><th>95 %</th><th data-sort>p</th></tr></thead><tbody>",
        summary.comparisons.size() <= 24 ? " open" : "", summary.comparisons.size(), differ,
        sure * static_cast<double>(summary.comparisons.size()));
    for (const Comparison& c : summary.comparisons) {
        html += fmt::format(
            "<tr{}><td>{}</td><td>{}</td><td>{}</td><td>{:.3f}</td><td>{:.3f} – {:.3f}</td><td>{:.3f}</td></tr>",
            c.p < sure ? " class=\"sure\"" : "", text::to_html(c.metric), row_name(summary.rows[c.a].name),
            row_name(summary.rows[c.b].name), c.difference, c.low, c.high, c.p);
    }
    return html + "</tbody></table></div></details>\n";
}

std::string class_table(const RunDescription& run, const Summary& summary) {
    if (summary.classes.empty()) return "";
    std::string html = fmt::format(
        "<details{}><summary>Classes</summary><p class=\"quiet\">A click on a heading sorts.</p><div "
        "class=\"scroll\"><table><thead><tr><th data-sort>class</th><th data-sort>images</th>",
        summary.classes.size() <= 20 ? " open" : "");
    for (const RowSummary& row : summary.rows) {
        if (row.name.is_baseline) continue;
        for (const Metric& metric : run.localization.metrics) {
            if (row.cells.contains(metric.name))
                html += fmt::format("<th data-sort><small>{}</small>{}</th>", row_name(row.name),
                                    text::to_html(metric.title));
        }
    }
    html += "</tr></thead><tbody>";
    for (const ClassSummary& entry : summary.classes) {
        const auto namesakes = std::ranges::count(summary.classes, entry.label, &ClassSummary::label);
        html +=
            fmt::format("<tr><td>{}{}</td><td>{}</td>", text::to_html(text::to_utf8(entry.label)),
                        namesakes == 1 ? "" : fmt::format("<small>{}</small>", text::to_html(text::to_utf8(entry.key))),
                        entry.images);
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
    return html + "</tbody></table></div></details>\n";
}

/// <img> of the picture, or nothing.
std::string picture_html(const PictureOf& picture, const ImageRecord& record, std::size_t row) {
    if (!picture) return "";
    const std::optional<Image> shown = picture(record, row);
    if (!shown) return "";
    return fmt::format("<img alt=\"\" width=\"{}\" height=\"{}\" src=\"data:image/jpeg;base64,{}\">", shown->width,
                       shown->height, text::base64(encode_jpeg(*shown, 80)));
}

/// By what images are told good from bad.
struct Ranking {
    const char* what;
    std::function<std::optional<double>(const ImageScores& scores)> value;
};

std::optional<double> value_in(const ImageScores& scores, const char* name) {
    const auto found = scores.values.find(name);
    return found == scores.values.end() ? std::nullopt : std::optional(found->second);
}

/// The first of these that any image has: the box's overlap, the precision on its mask, insertion, or ROAD.
std::vector<Ranking> rankings(double step) {
    return {{"IoU", [](const ImageScores& scores) { return value_in(scores, "iou"); }},
            {"precision of pixels",
             [step](const ImageScores& scores) -> std::optional<double> {
                 PixelPrecision pixels(thresholds(step));
                 pixels.add(scores.pixels);
                 return pixels.has_object() ? std::optional(pixels.average_precision() / 100) : std::nullopt;
             }},
            {"insertion", [](const ImageScores& scores) { return value_in(scores, "insertion"); }},
            {"ROAD", [](const ImageScores& scores) { return value_in(scores, "road"); }}};
}

std::string best_images(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary,
                        const PictureOf& picture) {
    constexpr std::size_t shown = 6;
    std::string html;
    for (std::size_t r = 0; r < summary.rows.size(); ++r) {
        if (summary.rows[r].name.is_baseline) continue;
        std::vector<std::pair<double, const ImageRecord*>> order;
        const char* what = "";
        for (const Ranking& ranking : rankings(run.localization.step)) {
            what = ranking.what;
            for (const ImageRecord& record : records) {
                if (!record.error.empty()) continue;
                if (const auto value = ranking.value(record.rows[r])) order.emplace_back(*value, &record);
            }
            if (!order.empty()) break;
        }
        if (order.empty()) continue;
        std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        const auto list = [&](const char* title, bool from_best) {
            html += fmt::format("<h3>{}</h3><ul class=\"images\">", title);
            for (std::size_t i = 0; i < std::min(shown, order.size()); ++i) {
                const auto& [value, record] = from_best ? order[order.size() - 1 - i] : order[i];
                html += fmt::format("<li>{}<span>{}</span><small>{}{} {:.3f}</small></li>",
                                    picture_html(picture, *record, r), text::to_html(text::to_utf8(record->name)),
                                    record->label.empty() ? "" : text::to_html(text::to_utf8(record->label)) + ", ",
                                    what, value);
            }
            html += "</ul>";
        };
        html += fmt::format("<details{}><summary class=\"small\">{}</summary>", html.empty() ? " open" : "",
                            row_name(summary.rows[r].name));
        list("Worst", false);
        list("Best", true);
        html += "</details>";
    }
    if (html.empty()) return "";
    return fmt::format(
               "<h2>Best and worst images</h2><p>Over the heat: the box at {:g} % of the map's maximum in white, true "
               "boxes in green.</p>",
               run.localization.threshold * 100) +
           html;
}

}  // namespace

std::string metrics_page(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary,
                         const PictureOf& picture) {
    std::string html = report::page_head("Locus: evaluation", style);
    html += fmt::format(
        "<body><h1>How good are the maps?</h1><p>{} images; {}. Arrows point to the better side; {}grey rows "
        "look "
        "at nothing. Locus {}.</p>",
        summary.images, text::to_html(text::to_utf8(run.data)),
        run.summary.resamples == 0
            ? ""
            : fmt::format("small numbers are 95 % intervals over images ({} resamples); ", run.summary.resamples),
        text::to_html(run.version));
    html += main_table(run, summary);
    const std::string curves = curve_figures(summary),
                      spread = distribution_figures(records, summary, run.localization.threshold);
    if (!curves.empty()) html += "<h2>Curves</h2><div class=\"figures\">" + curves + "</div>\n";
    if (!spread.empty()) html += "<h2>Over the images</h2><div class=\"figures\">" + spread + "</div>\n";
    html += best_images(run, records, summary, picture);
    html += comparisons(summary);
    html += class_table(run, summary);
    if (summary.failed > 0) {
        html += fmt::format("<h2>Failed: {}</h2><ul>", summary.failed);
        for (const ImageRecord& record : records) {
            if (!record.error.empty())
                html += fmt::format("<li>{}: {}</li>", text::to_html(text::to_utf8(record.name)),
                                    text::to_html(text::to_utf8(record.error)));
        }
        html += "</ul>";
    }
    if (!run.remarks.empty()) {
        html += "<h2>Remarks</h2><ul>";
        for (const std::string& remark : run.remarks)
            html += fmt::format("<li>{}</li>", text::to_html(text::to_utf8(remark)));
        html += "</ul>";
    }
    return html + script + "</body></html>\n";
}

}  // namespace locus::evaluate
