#include "evaluate/metrics/localization.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "localize/row_interpolator.hpp"

namespace locus::evaluate {

double best_iou(const Box& box, std::span<const Box> truths) {
    double best = 0;
    for (const Box& truth : truths) best = std::max(best, iou(box, truth));
    return best;
}

double map_iou(const Map& map, int width, int height, const Region& region, std::span<const Box> truths,
               double threshold) {
    const std::vector<Box> found = boxes_from_raw(map, width, height, region, {.threshold = threshold});
    return found.empty() ? 0.0 : best_iou(found.front(), truths);
}

std::optional<Point> maximum_point(const Map& map, int width, int height, const Region& region) {
    const localize::RowInterpolator rows(map, width, height, region);
    std::vector<float> row(static_cast<std::size_t>(width));
    float maximum = -std::numeric_limits<float>::infinity();
    std::vector<Point> highest;
    for (int y = 0; y < height; ++y) {
        rows.row(y, row);
        for (int x = 0; x < width; ++x) {
            const float value = row[static_cast<std::size_t>(x)];
            if (!std::isfinite(value) || value < maximum) continue;
            if (value > maximum) highest.clear();
            maximum = value;
            highest.push_back({x, y});
        }
    }
    if (highest.empty()) return std::nullopt;
    double centre_x = 0, centre_y = 0;
    for (const Point& point : highest) {
        centre_x += point.x;
        centre_y += point.y;
    }
    centre_x /= static_cast<double>(highest.size());
    centre_y /= static_cast<double>(highest.size());
    return *std::min_element(highest.begin(), highest.end(), [&](const Point& a, const Point& b) {
        return std::hypot(a.x - centre_x, a.y - centre_y) < std::hypot(b.x - centre_x, b.y - centre_y);
    });
}

bool points_at(const Point& point, std::span<const Box> truths, double tolerance) {
    return std::any_of(truths.begin(), truths.end(), [&](const Box& box) {
        const int dx = std::max({box.x - point.x, 0, point.x - (box.x + box.width - 1)});
        const int dy = std::max({box.y - point.y, 0, point.y - (box.y + box.height - 1)});
        return std::hypot(dx, dy) <= tolerance;
    });
}

}  // namespace locus::evaluate
