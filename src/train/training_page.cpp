#include "train/training_page.hpp"

#include <functional>

#include <fmt/format.h>

#include "report/chart.hpp"
#include "text/html.hpp"

namespace locus::train {
namespace {

struct Curve {
    std::string name;
    std::function<std::optional<double>(const EpochRecord&)> value;
};

/// Empty where nothing was measured.
std::string chart_of(const std::vector<EpochRecord>& history, int epochs, const std::string& title,
                     const std::string& unit, const std::vector<Curve>& curves) {
    report::Chart chart{.title = title, .x_label = "epoch", .y_label = unit, .x_min = 1};
    chart.x_max = epochs;
    chart.whole_x = chart.dots = true;
    for (const Curve& curve : curves) {
        report::ChartLine line{.name = curve.name};
        for (const EpochRecord& record : history) {
            const auto value = curve.value(record);
            if (!value) continue;
            line.x.push_back(record.epoch);
            line.y.push_back(*value);
        }
        if (!line.x.empty()) chart.lines.push_back(std::move(line));
    }
    return report::fit_y(chart) ? report::figure_of(chart) : std::string();
}

constexpr const char* page_style = R"(body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto;
  padding: 0 1rem }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; margin-top: 1rem }
td, th { padding: .15rem .6rem; text-align: right } td { white-space: nowrap }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd } }
)";

}  // namespace

std::string training_page(const std::vector<EpochRecord>& history, int epochs, const std::string& title) {
    using Record = EpochRecord;
    using Value = std::optional<double>;
    const auto percent = [](const Value& share) { return share ? Value(100 * *share) : std::nullopt; };
    std::string page = report::page_head("Training of " + title, page_style) +
                       fmt::format("<h1>Training of {}</h1>\n<main>\n", text::to_html(title));
    page += chart_of(history, epochs, "Loss by epoch", "loss",
                     {{"training", [](const Record& r) { return Value(r.train_loss); }},
                      {"validation", [](const Record& r) { return r.loss; }}});
    page += chart_of(history, epochs, "Accuracy by epoch", "%",
                     {{"training top-1", [](const Record& r) { return Value(100 * r.train_top1); }},
                      {"validation top-1", [&](const Record& r) { return percent(r.top1); }},
                      {"validation top-5", [&](const Record& r) { return percent(r.top5); }}});
    page += chart_of(history, epochs, "GT-known localization by epoch (boxes are measured, never trained on)", "%",
                     {{"box at 20 % of the map, IoU 0.5", [&](const Record& r) { return percent(r.localization); }}});
    page += chart_of(history, epochs, "Speed by epoch", "images a second",
                     {{"training", [](const Record& r) { return Value(r.images_per_second); }}});
    page +=
        "</main>\n<div class=\"scroll\"><table><tr><th>epoch<th>pixels<th>learning rate<th>training loss<th>training "
        "top-1<th>loss<th>top-1<th>top-5<th>localization<th>seconds<th>waited for data</tr>\n";
    const auto cell = [](const Value& value, double factor, const char* unit) {
        return value ? fmt::format("<td>{:.2f}{}", factor * *value, unit) : std::string("<td>");
    };
    for (const Record& r : history) {
        page += fmt::format("<tr><td>{}<td>{}<td>{:.4f}<td>{:.4f}<td>{:.2f} %{}{}{}{}<td>{:.0f}<td>{:.2f} %</tr>\n",
                            r.epoch, r.size, r.learning_rate, r.train_loss, 100 * r.train_top1, cell(r.loss, 1, ""),
                            cell(r.top1, 100, " %"), cell(r.top5, 100, " %"), cell(r.localization, 100, " %"),
                            r.seconds, 100 * r.waited);
    }
    return page + "</table></div>\n</html>\n";
}

}  // namespace locus::train
