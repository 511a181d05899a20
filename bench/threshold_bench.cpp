/// All thresholds at once against sweeps with OpenCV: from a uint8 map of 224 x 224 to the hits of MaxBoxAcc and
/// MaxBoxAccV2 at 1,000 thresholds. One run, the three sides taking turns on the same maps; the results are compared,
/// so no side can skip work.
///
///     threshold_bench [MAPS]        (default 24 of each kind)

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <random>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "evaluate/metrics/box_accuracy.hpp"
#include "evaluate/metrics/thresholds.hpp"
#include "localize/threshold_tree.hpp"
#include "support/contour_sweep.hpp"

namespace {

using locus::evaluate::BoxAccuracy;
using locus::evaluate::BoxHits;
using locus::evaluate::Corners;

constexpr int side = 224;

double overlap_of(const cv::Rect& contour, const Corners& truth) {
    const int x1 = std::min(contour.x + contour.width, side - 1), y1 = std::min(contour.y + contour.height, side - 1);
    const int w = std::max(0, std::min(x1, truth.x1) - std::max(contour.x, truth.x0) + 1);
    const int h = std::max(0, std::min(y1, truth.y1) - std::max(contour.y, truth.y0) + 1);
    const double common = static_cast<double>(w) * h;
    const double areas = static_cast<double>(x1 - contour.x + 1) * (y1 - contour.y + 1) +
                         static_cast<double>(truth.x1 - truth.x0 + 1) * (truth.y1 - truth.y0 + 1);
    return common / (areas - common);
}

void sweep_level(const cv::Mat& pixels, int level, const Corners& truth, BoxHits& hits) {
    const auto t = static_cast<std::size_t>(level);
    const locus::test::ContoursAtLevel found = locus::test::contours_at(pixels, level);
    double best = 0;
    for (const cv::Rect& box : found.boxes) best = std::max(best, overlap_of(box, truth));
    hits.largest[t] =
        found.largest >= 0 && overlap_of(found.boxes[static_cast<std::size_t>(found.largest)], truth) >= 0.5;
    for (std::size_t d = 0; d < 3; ++d) hits.any[d][t] = best >= locus::evaluate::box_overlaps[d];
}

/// How it is done elsewhere: contours at each of the thresholds.
BoxHits sweep_thresholds(const cv::Mat& pixels, const Corners& truth, const std::vector<double>& thresholds) {
    double maximum = 0;
    cv::minMaxLoc(pixels, nullptr, &maximum);
    BoxHits hits;
    hits.maximum = static_cast<int>(maximum);
    for (const double threshold : thresholds) {
        sweep_level(pixels, locus::evaluate::level_of(threshold, hits.maximum), truth, hits);
    }
    return hits;
}

/// The same with each level looked at once.
BoxHits sweep_levels(const cv::Mat& pixels, const Corners& truth) {
    double maximum = 0;
    cv::minMaxLoc(pixels, nullptr, &maximum);
    BoxHits hits;
    hits.maximum = static_cast<int>(maximum);
    for (int level = 0; level < hits.maximum; ++level) sweep_level(pixels, level, truth, hits);
    return hits;
}

/// A map as a network gives it: positions x positions of noise over `bumps` blobs, resized with bicubic interpolation;
/// positions 0: noise at full resolution.
cv::Mat make_map(int positions, int bumps, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    const int size = positions == 0 ? side : positions;
    cv::Mat raw(size, size, CV_64F), full, pixels;
    for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) raw.at<double>(y, x) = (bumps > 0 ? 0.2 : 1.0) * normal(random);
    }
    for (int b = 0; b < bumps; ++b) {
        const double cx = uniform(random) * size, cy = uniform(random) * size,
                     r = (0.12 + 0.15 * uniform(random)) * size;
        for (int y = 0; y < size; ++y) {
            for (int x = 0; x < size; ++x) {
                raw.at<double>(y, x) += 2 * std::exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (2 * r * r));
            }
        }
    }
    cv::resize(raw, full, {side, side}, 0, 0, cv::INTER_CUBIC);
    cv::normalize(full, pixels, 0, 255, cv::NORM_MINMAX, CV_8U);
    return pixels;
}

/// Of processor time, so that what else runs on the machine does not count.
double milliseconds(const std::function<void()>& work) {
    const auto now = [] {
        std::timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
    };
    const double start = now();
    work();
    return now() - start;
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int maps = argc > 1 ? std::max(1, std::atoi(argv[1])) : 24;
    cv::setNumThreads(1);
    const std::vector<double> thresholds = locus::evaluate::thresholds(0.001);
    struct Kind {
        std::string name;
        int positions, bumps;
    };
    const std::vector<Kind> kinds{{"CAM 7 x 7, one object", 7, 1}, {"CAM 14 x 14, one object", 14, 1},
                                  {"CAM 14 x 14, three", 14, 3},   {"noise 14 x 14", 14, 0},
                                  {"noise 56 x 56", 56, 0},        {"noise 224 x 224", 0, 0}};
    fmt::print(
        "From a uint8 map of {0} x {0} to hits at {1} thresholds; median ms a map, one thread, {2} maps a kind.\n\n",
        side, thresholds.size(), maps);
    fmt::print("| map | ours | sweep of 1,000 thresholds | ratio | sweep of the distinct levels | ratio |\n");
    fmt::print("| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (const Kind& kind : kinds) {
        const int count = kind.positions == 0 ? std::max(1, maps / 12) : maps;
        std::vector<double> ours, by_threshold, by_level;
        for (int i = 0; i < count; ++i) {
            const cv::Mat pixels = make_map(kind.positions, kind.bumps, static_cast<unsigned>(i));
            const Corners truth{40 + i, 30, 150 + i % 60, 170};
            BoxHits a, b, c;
            std::vector<double> repeats;  // one takes a fraction of a millisecond
            for (int repeat = 0; repeat < 5; ++repeat) {
                repeats.push_back(milliseconds([&] {
                    a = locus::evaluate::box_hits({pixels.data, pixels.total()}, side, {&truth, 1});
                }));
            }
            ours.push_back(median(repeats));
            by_threshold.push_back(milliseconds([&] { b = sweep_thresholds(pixels, truth, thresholds); }));
            by_level.push_back(milliseconds([&] { c = sweep_levels(pixels, truth); }));
            if (a != b || a != c) {
                fmt::print(stderr, "threshold_bench: the sides disagree on map {} of '{}'\n", i, kind.name);
                return 1;
            }
        }
        fmt::print("| {} | {:.3f} | {:.1f} | {:.0f} | {:.1f} | {:.0f} |\n", kind.name, median(ours),
                   median(by_threshold), median(by_threshold) / median(ours), median(by_level),
                   median(by_level) / median(ours));
    }
}
