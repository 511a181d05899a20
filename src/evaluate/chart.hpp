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

/// A <figure> with the chart and a legend; colours are told apart by people with colour blindness (Okabe and Ito 2008).
std::string figure_of(const Chart& chart);

}  // namespace locus::evaluate
