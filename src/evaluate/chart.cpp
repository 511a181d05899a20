#include "evaluate/chart.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

namespace locus::evaluate {

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

namespace {

/// How a line is drawn: colours first, then dashes; what it is compared with, in grey.
std::string stroke_of(std::size_t number, bool reference) {
    static constexpr std::array<const char*, 7> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#56b4e9", "#e69f00", "#8a6d3b"};
    static constexpr std::array<const char*, 4> dashes{"none", "7 3", "2 2", "8 3 2 3"};
    if (reference) return fmt::format("stroke=\"#888\" stroke-dasharray=\"{}\"", dashes[number % 3 + 1]);
    return fmt::format("stroke=\"{}\" stroke-dasharray=\"{}\"", colours[number % colours.size()],
                       dashes[number / colours.size() % dashes.size()]);
}

}  // namespace

std::string figure_of(const Chart& chart) {
    constexpr double left = 52, top = 12, width = 400, height = 240;
    const auto px = [&](double x) { return left + (x - chart.x_min) / (chart.x_max - chart.x_min) * width; };
    const auto py = [&](double y) { return top + height - (y - chart.y_min) / (chart.y_max - chart.y_min) * height; };

    std::string svg =
        fmt::format("<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 470 300\" role=\"img\" aria-label=\"{}\">",
                    escaped(chart.title), escaped(chart.title));
    for (int tick = 0; tick <= 5; ++tick) {
        const double x = chart.x_min + (chart.x_max - chart.x_min) * tick / 5,
                     y = chart.y_min + (chart.y_max - chart.y_min) * tick / 5;
        svg += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>", px(x), top,
                           top + height);
        svg += fmt::format("<line class=\"grid\" x1=\"{1}\" x2=\"{2}\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>", py(y), left,
                           left + width);
        svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}</text>", px(x), top + height + 16,
                           x);
        svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3g}</text>", left - 6, py(y) + 4, y);
    }
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", left + width / 2, top + height + 36,
                       escaped(chart.x_label));
    svg += fmt::format("<text transform=\"translate(12 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                       top + height / 2, escaped(chart.y_label));
    std::string legend = "<p class=\"legend\">";
    std::size_t lines = 0, references = 0;
    for (const ChartLine& line : chart.lines) {
        const std::string stroke = stroke_of(line.reference ? references++ : lines++, line.reference);
        std::string points;
        for (std::size_t k = 0; k < line.x.size(); ++k) {
            if (std::isfinite(line.x[k]) && std::isfinite(line.y[k]))
                points += fmt::format("{:.1f},{:.1f} ", px(line.x[k]), py(line.y[k]));
        }
        svg += fmt::format("<polyline fill=\"none\" {} stroke-width=\"1.8\" points=\"{}\"/>", stroke, points);
        legend += fmt::format(
            "<span><svg class=\"key\" viewBox=\"0 0 24 6\"><line x2=\"24\" y1=\"3\" y2=\"3\" {} "
            "stroke-width=\"2.5\"/></svg>{}</span> ",
            stroke, escaped(line.name));
    }
    return svg + "</svg>" + legend + "</p></figure>\n";
}

}  // namespace locus::evaluate
