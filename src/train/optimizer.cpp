#include "train/optimizer.hpp"

#include <cmath>

#include <ATen/ATen.h>

namespace locus::train {

WeightUpdate::WeightUpdate(std::vector<Parameter>& parameters, std::vector<Parameter>& averaged,
                           const WeightUpdateOptions& options)
    : parameters_(&parameters), averaged_(&averaged), options_(options) {
    for (const Parameter& parameter : parameters) {
        first_.push_back(at::zeros_like(parameter.value.detach()));
        if (options.optimizer == Optimizer::adamw) second_.push_back(at::zeros_like(parameter.value.detach()));
    }
}

std::map<std::string, at::Tensor> WeightUpdate::state() const {
    std::map<std::string, at::Tensor> state;
    for (std::size_t i = 0; i < first_.size(); ++i) {
        state["first/" + (*parameters_)[i].name] = first_[i];
        if (!second_.empty()) state["second/" + (*parameters_)[i].name] = second_[i];
    }
    return state;
}

void WeightUpdate::step(const std::vector<Tensors>& gradients, const std::vector<double>& shares, double learning_rate,
                        double average) {
    ++steps;
    const float rate = static_cast<float>(learning_rate), momentum = static_cast<float>(options_.momentum);
    const float keep = static_cast<float>(average);
    const float correction1 = static_cast<float>(1 - std::pow(0.9, static_cast<double>(steps)));
    const float correction2 = static_cast<float>(1 - std::pow(0.999, static_cast<double>(steps)));
    std::vector<float> sum;
    for (std::size_t i = 0; i < parameters_->size(); ++i) {
        Parameter& parameter = (*parameters_)[i];
        const std::size_t count = static_cast<std::size_t>(parameter.value.numel());
        sum.assign(count, 0.0F);
        for (std::size_t g = 0; g < gradients.size(); ++g) {
            const at::Tensor gradient = gradients[g][i].contiguous();
            const float* from = gradient.data_ptr<float>();
            const float share = static_cast<float>(shares[g]);
            for (std::size_t k = 0; k < count; ++k) sum[k] += share * from[k];
        }
        float* w = parameter.value.data_ptr<float>();
        float* m = first_[i].data_ptr<float>();
        const float own_rate = rate * static_cast<float>(parameter.rate_factor);
        const float decay = parameter.decays ? static_cast<float>(options_.weight_decay) : 0.0F;
        if (options_.optimizer == Optimizer::sgd) {
            for (std::size_t k = 0; k < count; ++k) {
                const float g = sum[k] + decay * w[k];
                m[k] = momentum * m[k] + g;
                w[k] -= own_rate * (g + momentum * m[k]);
            }
        } else {
            float* v = second_[i].data_ptr<float>();
            for (std::size_t k = 0; k < count; ++k) {
                m[k] = 0.9F * m[k] + 0.1F * sum[k];
                v[k] = 0.999F * v[k] + 0.001F * sum[k] * sum[k];
                w[k] -= own_rate * (decay * w[k] + m[k] / correction1 / (std::sqrt(v[k] / correction2) + 1e-8F));
            }
        }
        float* a = (*averaged_)[i].value.data_ptr<float>();
        for (std::size_t k = 0; k < count; ++k) a[k] = keep * a[k] + (1 - keep) * w[k];
    }
}

}  // namespace locus::train
