#include "report/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "text/html.hpp"

namespace locus::report {
namespace {

/// How figures look: without it the keys of the legend are as wide as the charts.
constexpr const char* figure_style = R"(figure { margin: 0; min-width: 0 }
svg { width: 100%; height: auto; font-size: 11px; fill: currentColor } .grid { stroke: #8883 }
.legend { margin: .2rem 0 0; line-height: 1.3 }
.legend span { margin-right: 1rem; font-size: .85rem; display: inline-block }
.legend .key { width: 24px; height: 6px; margin-right: .35em; vertical-align: middle }
)";

/// How a line is drawn: colours first, then dashes; what it is compared with, in grey.
struct Stroke {
    std::string color, dashes;
};

Stroke stroke_of(std::size_t number, bool reference) {
    static constexpr std::array<const char*, 7> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#56b4e9", "#e69f00", "#8a6d3b"};
    static constexpr std::array<const char*, 4> dashes{"none", "7 3", "2 2", "8 3 2 3"};
    if (reference) return {"#888", dashes[number % 3 + 1]};
    return {colours[number % colours.size()], dashes[number / colours.size() % dashes.size()]};
}

/// A step of 1, 2 or 5 times a power of ten that cuts `range` into some five parts.
double step_of(double range) {
    const double raw = range / 5, power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (raw <= factor * power * (1 + 1e-9)) return factor * power;
    }
    return 10 * power;
}

/// The multiples of the step within the axis.
std::vector<double> ticks_of(double low, double high, bool whole) {
    double step = high > low ? step_of(high - low) : 1;
    if (whole) step = std::max(1.0, std::round(step));
    std::vector<double> ticks;
    const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
    const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
    for (std::int64_t k = first; k <= last; ++k) ticks.push_back(static_cast<double>(k) * step);
    return ticks;
}

bool is_shown(const ChartLine& line, std::size_t k) { return std::isfinite(line.x[k]) && std::isfinite(line.y[k]); }

}  // namespace

bool fit_y(Chart& chart) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const ChartLine& line : chart.lines) {
        for (std::size_t k = 0; k < line.y.size(); ++k) {
            if (!is_shown(line, k)) continue;
            low = std::min(low, line.y[k]);
            high = std::max(high, line.y[k]);
        }
    }
    if (low > high) return false;
    const double step = step_of(std::max(high - low, 1e-9 + std::abs(high) * 1e-3));
    chart.y_min = std::floor(low / step) * step;
    chart.y_max = std::max(chart.y_min + step, std::ceil(high / step) * step);
    return true;
}

std::string figure_of(const Chart& chart) {
    constexpr double left = 52, top = 12, width = 400, height = 240;
    const auto px = [&](double x) {
        const double share = chart.x_max > chart.x_min ? (x - chart.x_min) / (chart.x_max - chart.x_min) : 0.5;
        return left + share * width;
    };
    const auto py = [&](double y) { return top + height - (y - chart.y_min) / (chart.y_max - chart.y_min) * height; };

    std::string svg =
        fmt::format("<figure><figcaption>{0}</figcaption><svg viewBox=\"0 0 470 300\" role=\"img\" aria-label=\"{0}\">",
                    text::to_html(chart.title));
    for (const double x : ticks_of(chart.x_min, chart.x_max, chart.whole_x)) {
        svg += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>", px(x), top,
                           top + height);
        svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.4g}</text>", px(x), top + height + 16,
                           x);
    }
    for (const double y : ticks_of(chart.y_min, chart.y_max, false)) {
        svg += fmt::format("<line class=\"grid\" x1=\"{1}\" x2=\"{2}\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>", py(y), left,
                           left + width);
        svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>", left - 6, py(y) + 4, y);
    }
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", left + width / 2, top + height + 36,
                       text::to_html(chart.x_label));
    svg += fmt::format("<text transform=\"translate(12 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                       top + height / 2, text::to_html(chart.y_label));
    std::string legend = "<p class=\"legend\">";
    std::size_t lines = 0, references = 0;
    for (const ChartLine& line : chart.lines) {
        const Stroke stroke = stroke_of(line.reference ? references++ : lines++, line.reference);
        const std::string drawn = fmt::format("stroke=\"{}\" stroke-dasharray=\"{}\"", stroke.color, stroke.dashes);
        std::string points, dots;
        for (std::size_t k = 0; k < line.x.size(); ++k) {
            if (!is_shown(line, k)) continue;
            points += fmt::format("{:.1f},{:.1f} ", px(line.x[k]), py(line.y[k]));
            if (!chart.dots) continue;
            dots += fmt::format(
                "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{} {:.6g}: {:.4g}</title></circle>",
                px(line.x[k]), py(line.y[k]), stroke.color, text::to_html(chart.x_label), line.x[k], line.y[k]);
        }
        svg += fmt::format("<polyline fill=\"none\" {} stroke-width=\"1.8\" points=\"{}\"/>{}", drawn, points, dots);
        legend += fmt::format(
            "<span><svg class=\"key\" viewBox=\"0 0 24 6\"><line x2=\"24\" y1=\"3\" y2=\"3\" {} "
            "stroke-width=\"2.5\"/></svg>{}</span> ",
            drawn, text::to_html(line.name));
    }
    return svg + "</svg>" + legend + "</p></figure>\n";
}

std::string page_head(const std::string& title, const std::string& style) {
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"><title>{}</title>\n<style>\n{}{}</style></head>\n",
        text::to_html(title), style, figure_style);
}

}  // namespace locus::report
