#include "report/chart.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace locus::report {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A mark of the x axis, as the figure writes it.
std::string x_mark(const std::string& label) { return "text-anchor=\"middle\">" + label + "</text>"; }

TEST(Chart, MarksAxesAtRoundNumbers) {
    Chart chart{.x_min = 0, .x_max = 1};
    for (const char* label : {"0", "0.2", "0.4", "0.6", "0.8", "1"}) {
        EXPECT_THAT(figure_of(chart), HasSubstr(x_mark(label)));
    }
    chart.x_min = 1, chart.x_max = 30;
    EXPECT_THAT(figure_of(chart), HasSubstr(x_mark("10")));
    EXPECT_THAT(figure_of(chart), Not(HasSubstr(x_mark("1"))));
}

TEST(Chart, MarksCountsAtWholeNumbers) {
    const Chart chart{.x_min = 1, .x_max = 3, .whole_x = true};
    EXPECT_THAT(figure_of(chart), HasSubstr(x_mark("2")));
    EXPECT_THAT(figure_of(chart), Not(HasSubstr(x_mark("1.5"))));
}

TEST(Chart, PutsTheOnlyPlaceOfAnAxisInItsMiddle) {
    Chart chart{.x_min = 1, .x_max = 1, .whole_x = true, .dots = true};
    chart.lines.push_back({.name = "loss", .x = {1}, .y = {0.5}});
    EXPECT_THAT(figure_of(chart), HasSubstr("cx=\"252.0\""));  // 52 left of the axis, 400 wide
}

TEST(FitY, EndsAtTheMarksAroundAllPoints) {
    Chart chart;
    chart.lines.push_back({.name = "a", .x = {1, 2, 3}, .y = {0.31, 0.74, std::numeric_limits<double>::quiet_NaN()}});
    ASSERT_TRUE(fit_y(chart));
    EXPECT_DOUBLE_EQ(chart.y_min, 0.3);
    EXPECT_DOUBLE_EQ(chart.y_max, 0.8);
}

TEST(FitY, TellsWhereThereIsNothingToDraw) {
    Chart chart;
    chart.lines.push_back({.name = "a"});
    EXPECT_FALSE(fit_y(chart));
}

TEST(Chart, LeavesOutPointsThatAreNoNumbers) {
    Chart chart{.dots = true};
    chart.lines.push_back({.name = "a", .x = {0, 1}, .y = {0.5, std::numeric_limits<double>::infinity()}});
    const std::string figure = figure_of(chart);
    EXPECT_EQ(figure.find("<circle"), figure.rfind("<circle"));
    EXPECT_THAT(figure, Not(HasSubstr("inf")));
}

TEST(Chart, TitlesAreTextAndNothingElse) {
    EXPECT_THAT(figure_of({.title = "a < b"}), HasSubstr("<figcaption>a &lt; b</figcaption>"));
}

}  // namespace
}  // namespace locus::report
