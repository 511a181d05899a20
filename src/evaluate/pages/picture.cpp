#include "evaluate/pages/picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "locus/overlay.hpp"

namespace locus::evaluate {
namespace {

void draw(Image& image, const Box& box, const std::array<std::uint8_t, 3>& colour) {
    const auto set = [&](int x, int y) {
        if (x >= 0 && y >= 0 && x < image.width && y < image.height)
            std::copy(colour.begin(), colour.end(), image.pixel(x, y));
    };
    for (int inset = 0; inset < 2; ++inset) {
        for (int x = box.x; x < box.x + box.width; ++x) {
            set(x, box.y + inset);
            set(x, box.y + box.height - 1 - inset);
        }
        for (int y = box.y; y < box.y + box.height; ++y) {
            set(box.x + inset, y);
            set(box.x + box.width - 1 - inset, y);
        }
    }
}

}  // namespace

Preview preview_of(const Map& shown) {
    constexpr int side = 28;
    Preview preview{std::min(shown.width, side), std::min(shown.height, side), {}};
    const cv::Mat from(shown.height, shown.width, CV_32F, const_cast<float*>(shown.values.data()));
    cv::Mat small, bytes;
    cv::resize(from, small, {preview.width, preview.height}, 0, 0, cv::INTER_AREA);
    small.convertTo(bytes, CV_8U, 255);
    preview.values.assign(bytes.begin<std::uint8_t>(), bytes.end<std::uint8_t>());
    return preview;
}

Map map_of(const Preview& preview) {
    Map map{preview.width, preview.height, {}};
    for (const std::uint8_t value : preview.values) map.values.push_back(static_cast<float>(value) / 255);
    return map;
}

Image picture_of(const Image& photo, const Map& map, const Region& region, const std::vector<Box>& truths, int width,
                 int height, double threshold) {
    constexpr double side = 176;
    const double scale = side / std::max(width, height);
    Image small;
    small.width = std::max(1, static_cast<int>(std::lround(width * scale)));
    small.height = std::max(1, static_cast<int>(std::lround(height * scale)));
    small.rgb.resize(static_cast<std::size_t>(small.width) * static_cast<std::size_t>(small.height) * 3, 255);
    const double across = static_cast<double>(small.width) / width, down = static_cast<double>(small.height) / height;
    const Map full = upsample(map, small.width, small.height,
                              {region.x * across, region.y * down, region.width * across, region.height * down});
    OverlayOptions options;
    options.legend = false;
    options.draw_boxes = false;
    if (photo.rgb.empty()) {
        small = heatmap(full, options);
    } else {
        const cv::Mat from(photo.height, photo.width, CV_8UC3, const_cast<std::uint8_t*>(photo.rgb.data()));
        cv::Mat to(small.height, small.width, CV_8UC3, small.rgb.data());
        cv::resize(from, to, to.size(), 0, 0, photo.width > small.width ? cv::INTER_AREA : cv::INTER_LINEAR);
        small = overlay(small, full, {}, options);
    }
    for (const Box& truth : truths) {
        const auto scaled = [&](int v) { return static_cast<int>(std::lround(v * scale)); };
        draw(small,
             {scaled(truth.x), scaled(truth.y), std::max(1, scaled(truth.width)), std::max(1, scaled(truth.height)), 0},
             {0, 200, 80});
    }
    for (const Box& box : boxes(full, {.threshold = threshold})) draw(small, box, {255, 255, 255});
    return small;
}

}  // namespace locus::evaluate
