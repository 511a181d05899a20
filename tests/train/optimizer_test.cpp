#include "train/optimizer.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace locus::train {
namespace {

Parameter parameter(double value, bool decays) {
    Parameter p;
    p.name = decays ? "kernel" : "bias";
    p.value = at::full({1}, value, at::kFloat);
    p.decays = decays;
    return p;
}

double value_of(const Parameter& p) { return p.value.item<double>(); }

TEST(WeightUpdate, AdamWStepsAsItsFormulaSays) {
    // Loshchilov & Hutter 2019, algorithm 2, with beta 0.9 and 0.999; the decay is not part of the gradient.
    std::vector<Parameter> weights{parameter(2, true), parameter(2, false)},
        averaged{parameter(0, true), parameter(0, false)};
    WeightUpdate update(weights, averaged, {.optimizer = Optimizer::adamw, .weight_decay = 0.1});
    constexpr double rate = 0.01;
    double w = 2, m = 0, v = 0, bare = 2;
    for (int step = 1; step <= 3; ++step) {
        const double gradient = 0.5 * step;
        // Two groups of images, whose shares make one gradient.
        const Tensors one{at::full({1}, 2 * gradient), at::full({1}, 2 * gradient)},
            two{at::zeros({1}), at::zeros({1})};
        update.step({one, two}, {0.5, 0.5}, rate, 0.5);
        m = 0.9 * m + 0.1 * gradient;
        v = 0.999 * v + 0.001 * gradient * gradient;
        const double move = m / (1 - std::pow(0.9, step)) / (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
        w -= rate * (0.1 * w + move);
        bare -= rate * move;
        EXPECT_NEAR(value_of(weights[0]), w, 1e-5);
        EXPECT_NEAR(value_of(weights[1]), bare, 1e-5);
    }
    EXPECT_EQ(update.steps, 3);
}

TEST(WeightUpdate, TheFirstStepOfAdamWIsTheLearningRateWhateverTheGradient) {
    for (const double gradient : {1e-3, 1.0, 1e3}) {
        std::vector<Parameter> weights{parameter(1, false)}, averaged{parameter(1, false)};
        WeightUpdate update(weights, averaged, {.optimizer = Optimizer::adamw});
        update.step({{at::full({1}, gradient)}}, {1}, 0.01, 0.75);
        EXPECT_NEAR(value_of(weights[0]), 0.99, 1e-5);
        EXPECT_NEAR(value_of(averaged[0]), 0.75 + 0.25 * 0.99, 1e-5);
    }
}

}  // namespace
}  // namespace locus::train
