#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "locus/error.hpp"
#include "locus/overlay.hpp"

namespace locus {
namespace {

using Table = std::array<std::array<std::uint8_t, 3>, 256>;

/// OpenCV's table: turbo is A. Mikhailov's (Google, 2019); viridis, magma, inferno and plasma are S. van der Walt's and
/// N. Smith's (2015); jet is MATLAB's.
Table of_opencv(int id) {
    cv::Mat ramp(1, 256, CV_8U), colors;
    for (int i = 0; i < 256; ++i) ramp.at<std::uint8_t>(0, i) = static_cast<std::uint8_t>(i);
    cv::applyColorMap(ramp, colors, id);
    Table table{};
    for (int i = 0; i < 256; ++i) {
        const auto bgr = colors.at<cv::Vec3b>(0, i);
        table[static_cast<std::size_t>(i)] = {bgr[2], bgr[1], bgr[0]};
    }
    return table;
}

Table grays() {
    Table table{};
    for (std::size_t i = 0; i < 256; ++i) table[i].fill(static_cast<std::uint8_t>(i));
    return table;
}

/// An sRGB value of 0 ... 255 from linear light of 0 ... 1 (IEC 61966-2-1).
std::uint8_t srgb(double linear) {
    const double c = std::clamp(linear, 0.0, 1.0);
    const double encoded = c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
    return static_cast<std::uint8_t>(std::lround(255 * encoded));
}

/// A colour of the Oklab space (B. Ottosson, "A perceptual color space for image processing", 2020).
std::array<std::uint8_t, 3> oklab(double lightness, double a, double b) {
    const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return {srgb(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
            srgb(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
            srgb(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

/// Blue over near-white to red: in Oklab, lightness falls and chroma rises from the middle by the same amounts on both
/// sides, so that equal evidence for and against is equally striking.
Table diverging() {
    constexpr double middle = 0.96, end = 0.50, most_chroma = 0.19;
    constexpr double blue = 258 * M_PI / 180, red = 26 * M_PI / 180;  // hue angles
    Table table{};
    for (std::size_t i = 0; i < 256; ++i) {
        const double t = (static_cast<double>(i) - 127.5) / 127.5;
        const double strength = std::abs(t);
        const double chroma = most_chroma * std::pow(strength, 0.8);
        const double hue = t < 0 ? blue : red;
        table[i] = oklab(middle + (end - middle) * strength, chroma * std::cos(hue), chroma * std::sin(hue));
    }
    return table;
}

const std::map<std::string, Table>& tables() {
    static const std::map<std::string, Table> all{
        {"turbo", of_opencv(cv::COLORMAP_TURBO)},
        {"jet", of_opencv(cv::COLORMAP_JET)},
        {"viridis", of_opencv(cv::COLORMAP_VIRIDIS)},
        {"magma", of_opencv(cv::COLORMAP_MAGMA)},
        {"inferno", of_opencv(cv::COLORMAP_INFERNO)},
        {"plasma", of_opencv(cv::COLORMAP_PLASMA)},
        {"gray", grays()},
        {diverging_colormap, diverging()},
    };
    return all;
}

}  // namespace

const std::vector<std::string>& colormap_names() {
    static const std::vector<std::string> names{"turbo",   "jet",    "viridis", "magma",
                                                "inferno", "plasma", "gray",    diverging_colormap};
    return names;
}

const std::array<std::array<std::uint8_t, 3>, 256>& colormap(std::string_view name) {
    const auto found = tables().find(std::string(name));
    if (found == tables().end()) {
        throw Error(ErrorKind::usage,
                    fmt::format("there is no colour map '{}': there are {}", name, fmt::join(colormap_names(), ", ")));
    }
    return found->second;
}

}  // namespace locus
