#pragma once

/// Line charts as SVG.

#include <string>
#include <vector>

namespace locus::evaluate {

/// Text made fit for HTML.
std::string escaped(const std::string& text);

struct ChartLine {
    std::string name;
    std::vector<double> x, y;
    bool reference = false;  ///< what the others are compared with: grey
};

struct Chart {
    std::string title, x_label, y_label;
    double x_min = 0, x_max = 1, y_min = 0, y_max = 1;
    std::vector<ChartLine> lines;
};

/// How figures look, for a page's <style>: without it the keys of the legend are as wide as the charts.
inline constexpr const char* figure_style = R"(figure { margin: 0; min-width: 0 }
svg { width: 100%; height: auto; font-size: 11px; fill: currentColor } .grid { stroke: #8883 }
.legend { margin: .2rem 0 0; line-height: 1.3 } .legend span { margin-right: 1rem; font-size: .85rem; display: inline-block }
.legend .key { width: 24px; height: 6px; margin-right: .35em; vertical-align: middle }
)";

/// A <figure> with the chart and a legend; colours are told apart by people with colour blindness (Okabe and Ito 2008).
std::string figure_of(const Chart& chart);

}  // namespace locus::evaluate
