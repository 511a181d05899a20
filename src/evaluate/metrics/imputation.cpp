#include "evaluate/metrics/imputation.hpp"

#include <Eigen/IterativeLinearSolvers>
#include <Eigen/SparseCore>

#include <array>

namespace locus::evaluate {
namespace {

struct Neighbour {
    int dx, dy;
    double weight;
};
constexpr std::array<Neighbour, 8> neighbours{{{1, 0, 1.0 / 6},
                                               {0, 1, 1.0 / 6},
                                               {-1, 0, 1.0 / 6},
                                               {0, -1, 1.0 / 6},
                                               {1, 1, 1.0 / 12},
                                               {1, -1, 1.0 / 12},
                                               {-1, 1, 1.0 / 12},
                                               {-1, -1, 1.0 / 12}}};

}  // namespace

std::vector<float> impute(const std::vector<float>& image, const std::vector<bool>& removed, int channels, int height,
                          int width) {
    const std::size_t pixels = removed.size();
    std::vector<int> unknown(pixels, -1);
    int count = 0;
    for (std::size_t i = 0; i < pixels; ++i) {
        if (removed[i]) unknown[i] = count++;
    }
    if (count == 0) return image;
    if (static_cast<std::size_t>(count) == pixels) return std::vector<float>(image.size(), 0.0F);

    // (sum of weights) v_i - sum over removed neighbours of w v_j = sum over kept neighbours of w image_j: symmetric,
    // positive definite.
    std::vector<Eigen::Triplet<double>> entries;
    Eigen::MatrixXd known = Eigen::MatrixXd::Zero(count, channels), guess(count, channels);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const std::size_t pixel =
                static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
            const int row = unknown[pixel];
            if (row < 0) continue;
            for (int c = 0; c < channels; ++c)
                guess(row, c) = static_cast<double>(image[static_cast<std::size_t>(c) * pixels + pixel]);
            double weights = 0;
            for (const Neighbour& n : neighbours) {
                if (x + n.dx < 0 || x + n.dx >= width || y + n.dy < 0 || y + n.dy >= height) continue;
                weights += n.weight;
                const std::size_t other = static_cast<std::size_t>(y + n.dy) * static_cast<std::size_t>(width) +
                                          static_cast<std::size_t>(x + n.dx);
                if (unknown[other] >= 0) {
                    entries.emplace_back(row, unknown[other], -n.weight);
                } else {
                    for (int c = 0; c < channels; ++c)
                        known(row, c) +=
                            n.weight * static_cast<double>(image[static_cast<std::size_t>(c) * pixels + other]);
                }
            }
            entries.emplace_back(row, row, weights);
        }
    }
    Eigen::SparseMatrix<double> system(count, count);
    system.setFromTriplets(entries.begin(), entries.end());
    Eigen::ConjugateGradient<Eigen::SparseMatrix<double>, Eigen::Lower | Eigen::Upper,
                             Eigen::IncompleteCholesky<double, Eigen::Lower, Eigen::NaturalOrdering<int>>>
        solver;
    solver.setTolerance(1e-6);
    solver.compute(system);

    std::vector<float> filled = image;
    for (int c = 0; c < channels; ++c) {
        const Eigen::VectorXd values = solver.solveWithGuess(known.col(c), guess.col(c));
        for (std::size_t i = 0; i < pixels; ++i) {
            if (unknown[i] >= 0)
                filled[static_cast<std::size_t>(c) * pixels + i] = static_cast<float>(values[unknown[i]]);
        }
    }
    return filled;
}

}  // namespace locus::evaluate
