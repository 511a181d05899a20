#pragma once

/// Line charts as SVG, for pages that open offline.
///
///     report::Chart chart{.title = "Loss by epoch", .x_label = "epoch", .y_label = "loss", .x_min = 1, .x_max = 30};
///     chart.lines.push_back({.name = "training", .x = epochs, .y = losses});
///     report::fit_y(chart);
///     html += report::figure_of(chart);

#include <string>
#include <vector>

namespace locus::report {

struct ChartLine {
    std::string name;
    std::vector<double> x, y;  ///< points that are not finite are left out
    bool reference = false;    ///< what the others are compared with: grey
};

/// Axes are marked at multiples of 1, 2 or 5 times a power of ten, some five of them.
struct Chart {
    std::string title, x_label, y_label;
    double x_min = 0, x_max = 1, y_min = 0, y_max = 1;
    bool whole_x = false;  ///< x counts: marked at whole numbers alone
    bool dots = false;     ///< a dot at each point, with its numbers as tooltip
    std::vector<ChartLine> lines;
};

/// Sets y_min and y_max to the marks around all points. False where there is no point.
bool fit_y(Chart& chart);

/// A <figure> with the chart and a legend; colours are told apart by people with colour blindness (Okabe and Ito 2008).
std::string figure_of(const Chart& chart);

/// The beginning of a page with figures, up to where its body begins. `title` is text, `style` the page's own CSS.
std::string page_head(const std::string& title, const std::string& style);

}  // namespace locus::report
