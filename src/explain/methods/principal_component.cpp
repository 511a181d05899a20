#include "explain/methods/principal_component.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <Eigen/Dense>

#include "vectorised.hpp"

namespace locus::explain {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// [positions, channels], each column's mean taken off.
Matrix centred(std::span<const float> features, std::size_t channels, std::size_t positions) {
    const Eigen::Map<const Eigen::MatrixXf> values(features.data(), static_cast<Eigen::Index>(positions),
                                                   static_cast<Eigen::Index>(channels));
    Matrix x = values.cast<double>();
    x.rowwise() -= x.colwise().mean();
    return x;
}

/// Doubles that the widest vector registers hold: rows are padded to whole ones with zeros, so that no loop has a rest.
constexpr std::size_t lanes = 8;

constexpr std::size_t padded(std::size_t count) { return (count + lanes - 1) / lanes * lanes; }

/// target[j] = values[j] - mean.
LOCUS_VECTORISED
void take_off_mean(const float* values, std::size_t count, double* target) {
    std::array<double, lanes> sums{};
    std::size_t j = 0;
    for (; j + lanes <= count; j += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) sums[l] += values[j + l];
    }
    double sum = 0;
    for (; j < count; ++j) sum += values[j];
    for (const double part : sums) sum += part;
    const double mean = sum / static_cast<double>(count);
    for (j = 0; j < count; ++j) target[j] = values[j] - mean;
}

/// g[j] += the sum over the four channels of v[i] v[j], up to j = i and to a whole register: four at a time, so that g
/// is read and written a quarter as often.
LOCUS_VECTORISED
void add_products(const double* channels, std::size_t width, std::size_t i, double* __restrict g) {
    const double* a = channels;
    const double* b = a + width;
    const double* c = b + width;
    const double* d = c + width;
    const double ai = a[i], bi = b[i], ci = c[i], di = d[i];
    const std::size_t end = padded(i + 1);
    for (std::size_t j = 0; j < end; ++j) g[j] += (ai * a[j] + bi * b[j]) + (ci * c[j] + di * d[j]);
}

/// x x^T [positions, positions] of the centred features x.
Matrix gram(std::span<const float> features, std::size_t channels, std::size_t positions) {
    constexpr std::size_t together = 4;
    const std::size_t width = padded(positions);
    Matrix products = Matrix::Zero(static_cast<Eigen::Index>(width), static_cast<Eigen::Index>(positions));
    std::vector<double> centred_channels(together * width);
    for (std::size_t k = 0; k < channels; k += together) {
        for (std::size_t m = 0; m < together; ++m) {
            double* target = centred_channels.data() + m * width;
            if (k + m < channels)
                take_off_mean(features.data() + (k + m) * positions, positions, target);
            else
                std::fill_n(target, positions, 0.0);
        }
        // Column i of Eigen's upper triangle lies in one piece.
        for (std::size_t i = 0; i < positions; ++i)
            add_products(centred_channels.data(), width, i, products.data() + i * width);
    }
    return products.topRows(static_cast<Eigen::Index>(positions)).selfadjointView<Eigen::Upper>();
}

struct Eigenpair {
    double value = 0;
    Vector vector;
};

/// The greatest eigenvalue of a symmetric matrix and its eigenvector: Lanczos iteration with full reorthogonalisation,
/// which needs as many products with the matrix as there are directions to tell apart; the whole decomposition is there
/// for what does not converge.
Eigenpair greatest_eigenpair(const Matrix& matrix) {
    constexpr Eigen::Index most_steps = 96, between_checks = 4;
    const Eigen::Index n = matrix.rows(), steps = std::min(n, most_steps);
    const double scale = matrix.norm();
    Matrix basis(n, steps);
    Vector diagonal(steps), beside(steps);
    basis.col(0) =
        Vector::NullaryExpr(n, [](Eigen::Index i) { return std::sin(static_cast<double>(1 + i)); }).normalized();
    for (Eigen::Index k = 0; k < steps && scale > 0; ++k) {
        const auto so_far = basis.leftCols(k + 1);
        Vector next = matrix * basis.col(k);
        diagonal[k] = basis.col(k).dot(next);
        for (int twice = 0; twice < 2; ++twice) next -= so_far * (so_far.transpose() * next);
        beside[k] = next.norm();
        const bool invariant = beside[k] <= 1e-14 * scale;
        if (invariant || k + 1 == steps || k % between_checks == between_checks - 1) {
            Eigen::SelfAdjointEigenSolver<Matrix> ritz;
            ritz.computeFromTridiagonal(diagonal.head(k + 1), beside.head(k));
            const Vector mixture = ritz.eigenvectors().col(k);
            if (invariant || beside[k] * std::abs(mixture[k]) <= 1e-11 * scale)
                return {ritz.eigenvalues()[k], (so_far * mixture).normalized()};
        }
        if (k + 1 < steps) basis.col(k + 1) = next / beside[k];
    }
    const Eigen::SelfAdjointEigenSolver<Matrix> all(matrix);
    return {all.eigenvalues()[n - 1], all.eigenvectors().col(n - 1)};
}

std::vector<double> as_vector(const Vector& values) { return {values.data(), values.data() + values.size()}; }

}  // namespace

std::vector<double> principal_projection(std::span<const float> features, std::size_t channels, std::size_t positions) {
    if (positions <= channels) {
        const Eigenpair first = greatest_eigenpair(gram(features, channels, positions));
        return as_vector(first.vector * std::sqrt(std::max(first.value, 0.0)));
    }
    const Matrix x = centred(features, channels, positions);
    return as_vector(x * greatest_eigenpair(x.transpose() * x).vector);
}

std::vector<double> kernel_principal_projection(std::span<const float> features, std::size_t channels,
                                                std::size_t positions) {
    Matrix kernel = (gram(features, channels, positions).array() / static_cast<double>(channels) + 1.0).tanh();
    const Vector mean = kernel.colwise().mean();
    kernel = ((kernel.rowwise() - mean.transpose()).colwise() - mean).array() + mean.mean();
    const Eigenpair first = greatest_eigenpair(kernel);
    return as_vector(first.vector * std::sqrt(std::max(first.value, 0.0)));
}

double correlation(std::span<const double> a, std::span<const double> b) {
    const double n = static_cast<double>(a.size());
    const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n,
                 mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
    double product = 0, own_a = 0, own_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        product += (a[i] - mean_a) * (b[i] - mean_b);
        own_a += (a[i] - mean_a) * (a[i] - mean_a);
        own_b += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return own_a > 0 && own_b > 0 ? product / std::sqrt(own_a * own_b) : 0;
}

std::vector<double> energy(std::span<const float> features, std::size_t channels, std::size_t positions) {
    std::vector<double> sums(positions, 0.0);
    for (std::size_t k = 0; k < channels; ++k) {
        for (std::size_t i = 0; i < positions; ++i)
            sums[i] += static_cast<double>(features[k * positions + i]) * features[k * positions + i];
    }
    return sums;
}

std::vector<double> weighted_sum(std::span<const float> features, std::span<const double> weights,
                                 std::size_t positions, bool principal) {
    std::vector<double> sums(positions, 0.0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
        for (std::size_t p = 0; p < positions; ++p) sums[p] += weights[k] * features[k * positions + p];
    }
    if (!principal) return sums;
    std::vector<float> terms(features.size());
    for (std::size_t i = 0; i < terms.size(); ++i) terms[i] = static_cast<float>(weights[i / positions] * features[i]);
    auto map = principal_projection(terms, weights.size(), positions);
    if (correlation(map, sums) < 0) {
        for (double& value : map) value = -value;
    }
    return map;
}

}  // namespace locus::explain
