#pragma once

/// The Gaussian blur of insertion, computed from its definition: 11 x 11 taps, deviation 5 pixels, edges extended.
///
///     std::vector<float> start = test::blurred_directly(input.values<float>(), 3, 224, 224);

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace locus::test {

inline std::vector<float> blurred_directly(std::span<const float> image, int channels, int height, int width) {
    std::vector<float> result(image.size());
    for (int c = 0; c < channels; ++c) {
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                double sum = 0, weights = 0;
                for (int dy = -5; dy <= 5; ++dy) {
                    for (int dx = -5; dx <= 5; ++dx) {
                        const int row = std::clamp(y + dy, 0, height - 1), column = std::clamp(x + dx, 0, width - 1);
                        const double weight = std::exp(-(dx * dx + dy * dy) / 50.0);
                        sum += weight * image[static_cast<std::size_t>((c * height + row) * width + column)];
                        weights += weight;
                    }
                }
                result[static_cast<std::size_t>((c * height + y) * width + x)] = static_cast<float>(sum / weights);
            }
        }
    }
    return result;
}

}  // namespace locus::test
