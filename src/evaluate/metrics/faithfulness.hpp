#pragma once

/// Whether a map tells what the network uses: change the image where the map says, and look at the probability of the
/// class.
///
///     evaluate::Faithfulness f(confidence, x, final_map, {.steps = 50});
///     f.drop();  f.increase();  f.insertion();  f.road();
///
/// Everything happens on the preprocessed input, where 0 is the mean colour. Pixels are ordered by the map resized to
/// the input (bilinear, half-pixel centres), equal ones in reading order.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "locus/map.hpp"
#include "locus/tensor.hpp"

namespace locus::evaluate {

/// Probability of the explained class for each item of a batch of preprocessed inputs [n, C, H, W].
using Confidence = std::function<std::vector<double>(const Tensor& inputs)>;

struct FaithfulnessOptions {
    int steps = 50;       ///< of insertion and deletion: curves have steps + 1 points
    double blur = 5;      ///< deviation in pixels of the Gaussian that insertion starts from (11 taps, edges extended)
    double noise = 0.01;  ///< deviation that ROAD adds to what it fills in
    std::uint64_t seed = 0;  ///< of that noise
    std::size_t batch = 16;  ///< inputs a call of Confidence
};

/// `map` as it is shown: the values of a final map, 0 ... 1, at any resolution. Throws Error(usage) unless the input is
/// float32 [1, C, H, W].
class Faithfulness {
public:
    Faithfulness(Confidence confidence, Tensor input, const Map& map, FaithfulnessOptions options = {});

    /// Chattopadhay et al. 2018: Y on the input, O on the input times the map.
    double full_confidence();                                  ///< Y
    void set_full_confidence(double value) { full_ = value; }  ///< where another map of the same input has told it
    double masked_confidence();                                ///< O
    /// max(0, Y - O) / Y, a share; 0 where Y is 0, NaN where Y or O is no finite number.
    double drop();
    /// 1 where O > Y, else 0; NaN where Y or O is no finite number.
    double increase();

    /// Petsiuk et al. 2018: probabilities as pixels are set from the blurred input to the input, the map's greatest
    /// first.
    std::vector<double> insertion();
    /// The same as pixels are set from the input to 0.
    std::vector<double> deletion();

    /// Rong et al. 2022: mean over p = 10 ... 90 % of (LeRF_p - MoRF_p) / 2, the probabilities with the p % least and
    /// most relevant pixels filled in.
    double road();

private:
    bool has_confidences();  ///< both are finite numbers
    std::vector<double> confidences(const std::vector<std::vector<float>>& inputs);
    std::vector<double> curve(const std::vector<float>& from, const std::vector<float>& to);

    Confidence confidence_;
    Tensor input_;
    FaithfulnessOptions options_;
    int channels_ = 0, height_ = 0, width_ = 0;
    std::vector<float> map_;          ///< [H, W]
    std::vector<std::size_t> order_;  ///< pixels, the map's greatest first
    std::optional<double> full_, masked_;
};

/// Area under a curve over 0 ... 1 by the trapezoidal rule; needs two points.
double area_under(const std::vector<double>& curve);

}  // namespace locus::evaluate
