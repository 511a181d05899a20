#include "locus/boxes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <span>

#include <fmt/core.h>

#include "localize/extremes.hpp"
#include "localize/row_interpolator.hpp"
#include "localize/size_limit.hpp"
#include "localize/threshold.hpp"
#include "locus/error.hpp"
#include "vectorised.hpp"

namespace locus {
namespace {

/// A stretch of pixels above the threshold in one row: columns begin ... end - 1.
struct Run {
    int y, begin, end;
    int parent;  ///< index of a run of the same component; the root is the component's first run in reading order
    double sum;  ///< of the map over the run
};

int root_of(std::vector<Run>& runs, int i) {
    while (runs[i].parent != i) {
        runs[i].parent = runs[runs[i].parent].parent;
        i = runs[i].parent;
    }
    return i;
}

void merge(std::vector<Run>& runs, int a, int b) {
    a = root_of(runs, a);
    b = root_of(runs, b);
    if (a < b) {
        runs[b].parent = a;
    } else {
        runs[a].parent = b;
    }
}

LOCUS_VECTORISED
double sum_of(const float* values, int count) {
    double a = 0, b = 0, c = 0, d = 0;
    int i = 0;
    for (; i + 4 <= count; i += 4) {
        a += values[i];
        b += values[i + 1];
        c += values[i + 2];
        d += values[i + 3];
    }
    for (; i < count; ++i) a += values[i];
    return (a + b) + (c + d);
}

/// The largest float that is not above `limit`: for floats, `value > it` is exactly `value > limit`.
float float_below(double limit) {
    auto rounded = static_cast<float>(limit);
    if (static_cast<double>(rounded) > limit)
        rounded = std::nextafter(rounded, -std::numeric_limits<float>::infinity());
    return rounded;
}

/// is_in[i] = 1 where values[i] is finite and above `limit`, else 0.
LOCUS_VECTORISED
void mark_above(const float* values, std::size_t count, float limit, std::uint8_t* is_in) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < count; ++i)
        is_in[i] =
            static_cast<std::uint8_t>(static_cast<int>(values[i] > limit) & static_cast<int>(values[i] < infinity));
}

/// The first of [begin, end) that is `value`, else end.
int find_mark(const std::vector<std::uint8_t>& marks, int value, int begin, int end) {
    const void* found = std::memchr(marks.data() + begin, value, static_cast<std::size_t>(end - begin));
    return found == nullptr ? end : static_cast<int>(static_cast<const std::uint8_t*>(found) - marks.data());
}

/// `marks` is room for one row.
void append_runs(std::vector<Run>& runs, int y, std::span<const float> row, float limit,
                 std::vector<std::uint8_t>& marks) {
    const int width = static_cast<int>(row.size());
    marks.resize(row.size());
    mark_above(row.data(), row.size(), limit, marks.data());
    int begin = find_mark(marks, 1, 0, width);
    while (begin < width) {
        const int end = find_mark(marks, 0, begin, width);
        const int index = static_cast<int>(runs.size());
        runs.push_back({y, begin, end, index, sum_of(row.data() + begin, end - begin)});
        begin = find_mark(marks, 1, end, width);
    }
}

/// Joins runs of one row, [first, last), with those of the row above, [above, first), where they touch, corners
/// included.
void join_rows(std::vector<Run>& runs, int above, int first, int last) {
    int upper = above;
    for (int lower = first; lower < last; ++lower) {
        while (upper < first && runs[upper].end < runs[lower].begin) ++upper;
        for (int u = upper; u < first && runs[u].begin <= runs[lower].end; ++u) merge(runs, u, lower);
    }
}

struct Component {
    int left, top, right, bottom;  ///< inclusive
    std::int64_t pixels;
    double sum;
};

std::vector<Component> components_of(std::vector<Run>& runs) {
    std::vector<Component> components;
    std::vector<int> number(runs.size());
    for (int i = 0; i < static_cast<int>(runs.size()); ++i) {
        const Run& run = runs[i];
        const int root = root_of(runs, i);
        if (root == i) {
            number[i] = static_cast<int>(components.size());
            components.push_back({run.begin, run.y, run.end - 1, run.y, 0, 0});
        }
        Component& component = components[number[root]];
        component.left = std::min(component.left, run.begin);
        component.right = std::max(component.right, run.end - 1);
        component.bottom = run.y;
        component.pixels += run.end - run.begin;
        component.sum += run.sum;
    }
    return components;
}

/// `row_at(y)` gives row y as a span; it is called for `rows_of_maximum` first, among which the greatest value is,
/// since the threshold needs it, and then for all.
template <class RowAt>
std::vector<Box> boxes_of_rows(int height, RowAt row_at, const std::vector<int>& rows_of_maximum,
                               const BoxOptions& options) {
    localize::require_threshold(options.threshold);
    localize::Extremes extremes;
    for (const int y : rows_of_maximum) extremes.take(row_at(y));
    const float maximum = extremes.greatest;
    if (!(maximum > 0)) return {};

    const float limit = float_below(options.threshold * static_cast<double>(maximum));
    std::vector<Run> runs;
    std::vector<std::uint8_t> marks;
    int above = 0;
    for (int y = 0; y < height; ++y) {
        const int first = static_cast<int>(runs.size());
        append_runs(runs, y, row_at(y), limit, marks);
        join_rows(runs, above, first, static_cast<int>(runs.size()));
        above = first;
    }

    std::vector<Component> components = components_of(runs);
    const auto larger = [](const Component& a, const Component& b) { return a.pixels > b.pixels; };
    if (options.components == Components::largest) {
        // The first of the largest: min_element under "larger comes first".
        components = {*std::min_element(components.begin(), components.end(), larger)};
    } else {
        std::stable_sort(components.begin(), components.end(), larger);
    }
    std::vector<Box> found;
    found.reserve(components.size());
    for (const Component& c : components) {
        const double mean = c.sum / static_cast<double>(c.pixels);
        found.push_back({c.left, c.top, c.right - c.left + 1, c.bottom - c.top + 1, std::min(mean / maximum, 1.0)});
    }
    return found;
}

Map rows_as_map(const localize::RowInterpolator& rows) {
    Map full{rows.width(), rows.height(), {}};
    const auto width = static_cast<std::size_t>(full.width);
    try {
        full.values.resize(width * static_cast<std::size_t>(full.height));
    } catch (const std::exception&) {  // bad_alloc or length_error
        throw Error(ErrorKind::resource, fmt::format("no memory for a map of {} x {} pixels", full.width, full.height));
    }
    for (int y = 0; y < full.height; ++y) rows.row(y, {full.values.data() + y * width, width});
    return full;
}

std::vector<Box> boxes_of_interpolated(const localize::RowInterpolator& rows, const BoxOptions& options) {
    std::vector<float> row(static_cast<std::size_t>(rows.width()));
    const auto row_at = [&](int y) {
        rows.row(y, row);
        return std::span<const float>(row);
    };
    return boxes_of_rows(rows.height(), row_at, rows.extreme_rows(), options);
}

}  // namespace

Map upsample(const Map& raw, int width, int height) {
    return rows_as_map(localize::RowInterpolator(raw, width, height));
}

Map upsample(const Map& raw, int width, int height, const Region& region) {
    return rows_as_map(localize::RowInterpolator(raw, width, height, region));
}

std::vector<Box> boxes(const Map& map, const BoxOptions& options) {
    const auto width = static_cast<std::size_t>(std::max(map.width, 0));
    if (map.width < 0 || map.height < 0 || map.values.size() != width * static_cast<std::size_t>(map.height)) {
        throw Error(ErrorKind::usage,
                    fmt::format("a map of {} x {} cannot have {} values: it needs one for each position", map.width,
                                map.height, map.values.size()));
    }
    localize::require_size(map.width, map.height);
    const auto row_at = [&](int y) { return std::span<const float>(map.values.data() + y * width, width); };
    std::vector<int> all_rows(static_cast<std::size_t>(map.height));
    std::iota(all_rows.begin(), all_rows.end(), 0);
    return boxes_of_rows(map.height, row_at, all_rows, options);
}

std::vector<Box> boxes_from_raw(const Map& raw, int width, int height, const BoxOptions& options) {
    return boxes_of_interpolated(localize::RowInterpolator(raw, width, height), options);
}

std::vector<Box> boxes_from_raw(const Map& raw, int width, int height, const Region& region,
                                const BoxOptions& options) {
    return boxes_of_interpolated(localize::RowInterpolator(raw, width, height, region), options);
}

double iou(const Box& a, const Box& b) {
    const auto overlap = [](int p, int size_p, int q, int size_q) {
        const std::int64_t end = std::min<std::int64_t>(std::int64_t{p} + size_p, std::int64_t{q} + size_q);
        return std::max<std::int64_t>(0, end - std::max(p, q));
    };
    const auto area = [](const Box& box) {
        return static_cast<double>(std::max(box.width, 0)) * static_cast<double>(std::max(box.height, 0));
    };
    const auto common = static_cast<double>(overlap(a.x, a.width, b.x, b.width)) *
                        static_cast<double>(overlap(a.y, a.height, b.y, b.height));
    const double united = area(a) + area(b) - common;
    return common > 0 ? common / united : 0.0;
}

}  // namespace locus
