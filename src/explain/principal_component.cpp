#include "explain/principal_component.hpp"

#include <algorithm>
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

/// g[j] += the sum over the four channels of v[i] v[j]: four at a time, so that g is read and written a quarter as often.
LOCUS_VECTORISED
void add_products(const double* channels, std::size_t positions, std::size_t i, double* g) {
    const double* a = channels;
    const double* b = a + positions;
    const double* c = b + positions;
    const double* d = c + positions;
    const double ai = a[i], bi = b[i], ci = c[i], di = d[i];
    for (std::size_t j = 0; j <= i; ++j) g[j] += (ai * a[j] + bi * b[j]) + (ci * c[j] + di * d[j]);
}

/// x x^T [positions, positions] of the centred features x.
Matrix gram(std::span<const float> features, std::size_t channels, std::size_t positions) {
    constexpr std::size_t together = 4;
    Matrix products = Matrix::Zero(static_cast<Eigen::Index>(positions), static_cast<Eigen::Index>(positions));
    std::vector<double> centred_channels(together * positions);
    for (std::size_t k = 0; k < channels; k += together) {
        std::fill(centred_channels.begin(), centred_channels.end(), 0.0);
        for (std::size_t m = 0; m < std::min(together, channels - k); ++m) {
            const float* values = features.data() + (k + m) * positions;
            const double mean = std::accumulate(values, values + positions, 0.0) / static_cast<double>(positions);
            double* target = centred_channels.data() + m * positions;
            for (std::size_t j = 0; j < positions; ++j) target[j] = values[j] - mean;
        }
        // Column i of Eigen's upper triangle lies in one piece.
        for (std::size_t i = 0; i < positions; ++i)
            add_products(centred_channels.data(), positions, i, products.data() + i * positions);
    }
    return products.selfadjointView<Eigen::Upper>();
}

struct Eigenpair {
    double value = 0;
    Vector vector;
};

/// The greatest eigenvalue of a symmetric matrix and its eigenvector. Subspace iteration with Rayleigh-Ritz converges in a few
/// products where one direction dominates, as it does for features; the full decomposition is there for the rest.
Eigenpair greatest_eigenpair(const Matrix& matrix) {
    const Eigen::Index n = matrix.rows();
    constexpr Eigen::Index block = 8;
    if (n > 4 * block) {
        Matrix basis(n, block);
        for (Eigen::Index i = 0; i < n; ++i) {
            for (Eigen::Index j = 0; j < block; ++j)
                basis(i, j) = std::sin(static_cast<double>(1 + i * (j + 1)) + static_cast<double>(j));
        }
        const double scale = matrix.norm();
        for (int round = 0; round < 60 && scale > 0; ++round) {
            const Eigen::HouseholderQR<Matrix> qr(matrix * basis);
            basis = qr.householderQ() * Matrix::Identity(n, block);
            const Matrix product = matrix * basis;
            const Eigen::SelfAdjointEigenSolver<Matrix> ritz(basis.transpose() * product);
            const double value = ritz.eigenvalues()[block - 1];
            const Vector vector = basis * ritz.eigenvectors().col(block - 1);
            if ((product * ritz.eigenvectors().col(block - 1) - value * vector).norm() <= 1e-11 * scale)
                return {value, vector};
        }
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
