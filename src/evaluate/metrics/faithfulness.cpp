#include "evaluate/metrics/faithfulness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include <fmt/core.h>

#include "evaluate/metrics/imputation.hpp"
#include "evaluate/random.hpp"
#include "locus/boxes.hpp"
#include "locus/error.hpp"

namespace locus::evaluate {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Normal numbers by Box and Muller, the same on every machine up to the last bits of the logarithm and cosine.
class Normal {
public:
    explicit Normal(std::uint64_t seed) : random_(seed) {}
    double next() {
        constexpr double tau = 6.283185307179586;
        const double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
        return radius * std::cos(tau * random_.uniform());
    }

private:
    Random random_;
};

std::vector<float> blurred(const std::vector<float>& image, int channels, int height, int width, double deviation) {
    std::vector<float> result(image.size());
    const std::size_t plane = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    for (int c = 0; c < channels; ++c) {
        const cv::Mat from(height, width, CV_32F,
                           const_cast<float*>(image.data() + static_cast<std::size_t>(c) * plane));
        cv::Mat to(height, width, CV_32F, result.data() + static_cast<std::size_t>(c) * plane);
        cv::GaussianBlur(from, to, {11, 11}, deviation, deviation, cv::BORDER_REPLICATE);
    }
    return result;
}

}  // namespace

Faithfulness::Faithfulness(Confidence confidence, Tensor input, const Map& map, FaithfulnessOptions options)
    : confidence_(std::move(confidence)), input_(std::move(input)), options_(options) {
    const Shape& shape = input_.shape();
    if (input_.type() != DataType::float32 || shape.size() != 4 || shape[0] != 1 || input_.size() == 0 ||
        options.steps < 1) {
        throw Error(
            ErrorKind::usage,
            fmt::format(
                "an input of shape {} and type {} cannot be changed pixel by pixel: float32 [1, C, H, W] is right",
                to_string(shape), name(input_.type())));
    }
    channels_ = static_cast<int>(shape[1]);
    height_ = static_cast<int>(shape[2]);
    width_ = static_cast<int>(shape[3]);
    map_ = upsample(map, width_, height_).values;
    for (float& value : map_) value = std::isfinite(value) ? value : 0.0F;
    order_.resize(map_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return map_[a] > map_[b]; });
}

std::vector<double> Faithfulness::confidences(const std::vector<std::vector<float>>& inputs) {
    std::vector<double> result;
    const std::size_t batch = std::max<std::size_t>(options_.batch, 1);
    for (std::size_t first = 0; first < inputs.size(); first += batch) {
        const std::size_t count = std::min(batch, inputs.size() - first);
        std::vector<float> values;
        values.reserve(count * inputs[first].size());
        for (std::size_t i = first; i < first + count; ++i)
            values.insert(values.end(), inputs[i].begin(), inputs[i].end());
        const std::vector<double> part = confidence_(Tensor::of<float>(
            {static_cast<std::int64_t>(count), channels_, height_, width_}, std::span<const float>(values)));
        result.insert(result.end(), part.begin(), part.end());
    }
    return result;
}

double Faithfulness::full_confidence() {
    if (!full_) full_ = confidence_(input_).at(0);
    return *full_;
}

double Faithfulness::masked_confidence() {
    if (!masked_) {
        const auto image = input_.values<float>();
        std::vector<float> masked(image.begin(), image.end());
        for (std::size_t i = 0; i < masked.size(); ++i) masked[i] *= map_[i % map_.size()];
        masked_ = confidences({masked}).at(0);
    }
    return *masked_;
}

bool Faithfulness::has_confidences() { return std::isfinite(full_confidence()) && std::isfinite(masked_confidence()); }

double Faithfulness::drop() {
    if (!has_confidences()) return not_a_number;  // std::max would make 0 of it, the best there is
    const double full = full_confidence();
    return full > 0 ? std::max(0.0, full - masked_confidence()) / full : 0.0;
}

double Faithfulness::increase() {
    if (!has_confidences()) return not_a_number;
    return masked_confidence() > full_confidence() ? 1 : 0;
}

std::vector<double> Faithfulness::curve(const std::vector<float>& from, const std::vector<float>& to) {
    const std::size_t pixels = order_.size();
    std::vector<double> result;
    std::vector<std::vector<float>> batch;
    std::vector<float> image = from;
    std::size_t changed = 0;
    for (int step = 0; step <= options_.steps; ++step) {
        const std::size_t until = pixels * static_cast<std::size_t>(step) / static_cast<std::size_t>(options_.steps);
        for (; changed < until; ++changed) {
            for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c) {
                image[c * pixels + order_[changed]] = to[c * pixels + order_[changed]];
            }
        }
        batch.push_back(image);
        if (batch.size() == std::max<std::size_t>(options_.batch, 1) || step == options_.steps) {
            const std::vector<double> part = confidences(batch);
            result.insert(result.end(), part.begin(), part.end());
            batch.clear();
        }
    }
    return result;
}

std::vector<double> Faithfulness::insertion() {
    const auto values = input_.values<float>();
    const std::vector<float> image(values.begin(), values.end());
    return curve(blurred(image, channels_, height_, width_, options_.blur), image);
}

std::vector<double> Faithfulness::deletion() {
    const auto values = input_.values<float>();
    const std::vector<float> image(values.begin(), values.end());
    return curve(image, std::vector<float>(image.size(), 0.0F));
}

double Faithfulness::road() {
    const auto values = input_.values<float>();
    const std::vector<float> image(values.begin(), values.end());
    const std::size_t pixels = order_.size();
    std::vector<std::vector<float>> inputs;
    Normal normal(options_.seed);
    std::array<std::vector<float>, 2> last{
        image, image};  // more and more is removed: each step begins where the last one ended
    for (int percent = 10; percent <= 90; percent += 10) {
        const std::size_t count = pixels * static_cast<std::size_t>(percent) / 100;
        for (const bool most_relevant : {false, true}) {
            std::vector<bool> removed(pixels);
            for (std::size_t i = 0; i < count; ++i) removed[order_[most_relevant ? i : pixels - 1 - i]] = true;
            std::vector<float>& before = last[most_relevant ? 1 : 0];
            std::vector<float> filled = before = impute(before, removed, channels_, height_, width_);
            for (std::size_t i = 0; i < filled.size(); ++i) {
                if (removed[i % pixels]) filled[i] += static_cast<float>(options_.noise * normal.next());
            }
            inputs.push_back(std::move(filled));
        }
    }
    const std::vector<double> scores = confidences(inputs);
    double sum = 0;
    for (std::size_t i = 0; i < scores.size(); i += 2) sum += (scores[i] - scores[i + 1]) / 2;
    return sum / (static_cast<double>(scores.size()) / 2);
}

double area_under(const std::vector<double>& curve) {
    if (curve.size() < 2) throw Error(ErrorKind::usage, "an area needs a curve of at least two points");
    double sum = 0;
    for (std::size_t i = 1; i < curve.size(); ++i) sum += (curve[i - 1] + curve[i]) / 2;
    return sum / static_cast<double>(curve.size() - 1);
}

}  // namespace locus::evaluate
