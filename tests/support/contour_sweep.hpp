#pragma once

/// The boxes that OpenCV's findContours gives at one threshold, the way the field's evaluation computes them
/// (clovaai/wsolevaluation, CVPR 2020): the slow, direct side that `localize::threshold_tree` is compared with.

#include <cstdint>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace locus::test {

struct ContoursAtLevel {
    std::vector<cv::Rect> boxes;  ///< bounding rectangles in OpenCV's order
    int largest = -1;             ///< the first of those with the largest contourArea; -1 where there is none
};

/// Contours of the pixels > level.
inline ContoursAtLevel contours_at(const cv::Mat& pixels, int level) {
    cv::Mat in;
    cv::threshold(pixels, in, level, 255, cv::THRESH_BINARY);
    std::vector<std::vector<cv::Point>> contours;
    cv::findContours(in, contours, cv::RETR_TREE, cv::CHAIN_APPROX_SIMPLE);
    ContoursAtLevel found;
    double largest_area = -1;
    for (const auto& contour : contours) {
        const double area = cv::contourArea(contour);
        if (area > largest_area) {
            largest_area = area;
            found.largest = static_cast<int>(found.boxes.size());
        }
        found.boxes.push_back(cv::boundingRect(contour));
    }
    return found;
}

}  // namespace locus::test
