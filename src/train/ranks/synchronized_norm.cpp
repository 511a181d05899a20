#include "train/ranks/synchronized_norm.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace locus::train {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor in_float(const at::Tensor& x) { return x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x; }

/// All but the channels.
std::vector<std::int64_t> axes_of(const at::Tensor& x) {
    std::vector<std::int64_t> axes(static_cast<std::size_t>(x.dim()));
    std::iota(axes.begin(), axes.end(), 0);
    axes.erase(axes.begin() + 1);
    return axes;
}

/// A value for each channel, as it is broadcast over x.
at::Tensor along_channels(const at::Tensor& values, const at::Tensor& x) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
    shape[1] = values.numel();
    return values.reshape(shape);
}

struct Function : torch::autograd::Function<Function> {
    static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, double epsilon, const SumOverRanks* sum) {
        const std::int64_t channels = x.size(1);
        const double count = static_cast<double>(x.numel()) / static_cast<double>(channels);
        const auto [own_variance, own_mean] = at::var_mean(in_float(x), axes_of(x), false);
        // In double, so that E[x^2] - E[x]^2 loses nothing that a float would keep.
        const at::Tensor m = own_mean.to(at::kDouble);
        at::Tensor moments =
            at::cat({m * count, (own_variance.to(at::kDouble) + m * m) * count, at::full({1}, count, m.options())});
        (*sum)(moments);
        const double total = moments[2 * channels].item<double>();
        const at::Tensor mean = moments.slice(0, 0, channels) / total;
        const at::Tensor variance = at::clamp_min(moments.slice(0, channels, 2 * channels) / total - mean * mean, 0);
        const at::ScalarType type = own_mean.scalar_type();
        const at::Tensor y =
            std::get<0>(at::native_batch_norm(x, weight, bias, mean.to(type), variance.to(type), false, 0.0, epsilon));
        context->save_for_backward({x, weight, mean.to(type), at::rsqrt(variance + epsilon).to(type)});
        context->saved_data["total"] = total;
        // A pointer as a number: saved data are tensors and numbers. The caller keeps what it points to.
        context->saved_data["sum"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(sum));
        const at::Tensor unbiased = (variance * (total / std::max(1.0, total - 1))).to(type);
        const at::Tensor seen_mean = mean.to(type);
        context->mark_non_differentiable({seen_mean, unbiased});
        return {y, seen_mean, unbiased};
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &invstd = saved[3];
        const double total = context->saved_data["total"].toDouble();
        const auto* sum =
            reinterpret_cast<const SumOverRanks*>(static_cast<std::intptr_t>(context->saved_data["sum"].toInt()));
        const std::vector<std::int64_t> axes = axes_of(x);
        const at::Tensor dy = in_float(gradients[0]);
        const at::Tensor normalized = (in_float(x) - along_channels(mean, x)) * along_channels(invstd, x);
        const at::Tensor of_bias = dy.sum(axes), of_weight = (dy * normalized).sum(axes);
        at::Tensor sums = at::cat({of_bias, of_weight}).to(at::kDouble);
        (*sum)(sums);
        const at::Tensor means = (sums / total).to(of_bias.scalar_type());
        const std::int64_t channels = x.size(1);
        const at::Tensor dx =
            along_channels(weight * invstd, x) * (dy - along_channels(means.slice(0, 0, channels), x) -
                                                  normalized * along_channels(means.slice(0, channels), x));
        return {dx.to(x.scalar_type()), of_weight, of_bias, at::Tensor(), at::Tensor()};
    }
};

}  // namespace

NormalizedBatch synchronized_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon,
                                  const SumOverRanks& sum) {
    const variable_list made = Function::apply(x, weight, bias, epsilon, &sum);
    return {made[0], made[1], made[2]};
}

}  // namespace locus::train
