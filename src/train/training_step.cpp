#include "train/training_step.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "train/random.hpp"

namespace locus::train {

TrainingStep::TrainingStep(const TrainOptions& options, Executor& network, Executor& averaged, std::string output,
                           EngineThreads& threads, ProcessGroup& ranks, std::size_t groups)
    : options_(&options),
      network_(&network),
      averaged_(&averaged),
      output_(std::move(output)),
      threads_(&threads),
      ranks_(&ranks),
      update_(network.parameters(), averaged.parameters(),
              WeightUpdateOptions{options.optimizer, options.momentum, options.weight_decay}) {
    // Groups run beside each other, on each rank in a pace of its own: so each has a channel. The one that all ranks
    // are at first is always running on all of them, hence none waits for ever.
    ranks_->open_channels(1 + groups);
}

/// A group of which some rank could read no photo is left out by all.
std::vector<TrainingStep::Group> TrainingStep::agree_on_groups(const Batch& batch) const {
    const std::size_t count = batch.groups.size(), ranks = static_cast<std::size_t>(ranks_->size());
    std::vector<double> photos(ranks * count);
    const std::size_t own = static_cast<std::size_t>(ranks_->rank()) * count;
    for (std::size_t g = 0; g < count; ++g) photos[own + g] = batch.groups[g];
    ranks_->sum(photos);
    std::vector<Group> groups;
    int begin = 0;
    for (std::size_t g = 0; g < count; ++g) {
        Group group{g, begin, batch.groups[g], 0};
        begin += group.count;
        bool everywhere = true;
        for (std::size_t r = 0; r < ranks; ++r) {
            group.all += photos[r * count + g];
            everywhere = everywhere && photos[r * count + g] > 0;
        }
        if (everywhere) groups.push_back(group);
    }
    return groups;
}

void TrainingStep::run_group(const Batch& batch, const Group& group, int epoch, const Tensors& values,
                             Outcome& outcome) const {
    const std::int64_t n = group.count, plane = static_cast<std::int64_t>(batch.size) * batch.size;
    // Channels last: convolutions and what follows them keep that order, and are a fifth to several times faster in it.
    const at::Tensor x = at::from_blob(const_cast<float*>(batch.images.data()) + group.begin * 3 * plane,
                                       {n, 3, batch.size, batch.size}, at::kFloat)
                             .contiguous(at::MemoryFormat::ChannelsLast);
    Pass& pass = outcome.pass;
    pass.training = true;
    pass.bfloat16 = options_->bfloat16;
    pass.random_seed =
        Random(options_->seed, static_cast<std::uint64_t>(epoch), batch.samples[static_cast<std::size_t>(group.begin)])
            .next();
    if (ranks_->is_parallel()) {
        pass.across = [this, channel = 1 + group.index](at::Tensor& sums) { ranks_->sum(sums, channel); };
    }
    const at::Tensor logits = network_->run({{network_->input_name(), x}}, {output_}, pass)[0];
    const std::int64_t classes = logits.size(1);
    at::Tensor target, label, loss;
    if (!batch.targets.empty()) {
        target =
            at::from_blob(const_cast<float*>(batch.targets.data()) + group.begin * classes, {n, classes}, at::kFloat);
    }
    if (!batch.labels.empty()) {
        label = at::from_blob(const_cast<std::int64_t*>(batch.labels.data()) + group.begin, {n}, at::kLong);
        outcome.right = (logits.detach().argmax(1) == label).sum().item<double>();
        loss = at::cross_entropy_loss(logits, target.defined() ? target : label, {}, at::Reduction::Mean, -100,
                                      options_->label_smoothing);
    } else {
        outcome.right = (target.gather(1, logits.detach().argmax(1, true)) > 0.5).sum().item<double>();
        loss = at::binary_cross_entropy_with_logits(logits, target);
    }
    // The group's loss is the mean over its photos on all ranks; this is its own part of that.
    if (static_cast<double>(n) != group.all) loss = loss * (static_cast<double>(n) / group.all);
    outcome.gradients = torch::autograd::grad({loss}, values);
    outcome.loss = loss.item<double>();
}

void TrainingStep::sum_over_ranks(std::vector<Tensors>& gradients, std::vector<double>& shares) const {
    Tensors flat;
    for (std::size_t i = 0; i < gradients[0].size(); ++i) {
        at::Tensor sum = gradients[0][i].reshape({-1}) * shares[0];
        for (std::size_t g = 1; g < gradients.size(); ++g) sum.add_(gradients[g][i].reshape({-1}), shares[g]);
        flat.push_back(std::move(sum));
    }
    at::Tensor all = at::cat(flat);
    ranks_->sum(all);
    std::int64_t begin = 0;
    for (at::Tensor& gradient : gradients[0]) {
        gradient = all.slice(0, begin, begin + gradient.numel()).view(gradient.sizes());
        begin += gradient.numel();
    }
    gradients.resize(1);
    shares = {1};
}

StepResult TrainingStep::run(const Batch& batch, int epoch, double rate) {
    const std::vector<Group> groups = agree_on_groups(batch);
    StepResult result;
    for (const Group& group : groups) result.photos += group.all;
    if (groups.empty()) return result;
    const Tensors values = network_->values();
    std::vector<Outcome> outcomes(groups.size());
    threads_->run(groups.size(), [&](std::size_t g) { run_group(batch, groups[g], epoch, values, outcomes[g]); });

    std::vector<Tensors> gradients;
    std::vector<double> shares, sums(2);
    std::vector<std::vector<BatchStatistics>> statistics;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        gradients.push_back(std::move(outcomes[g].gradients));
        shares.push_back(groups[g].all / result.photos);
        statistics.push_back(std::move(outcomes[g].pass.statistics));
        sums[0] += shares[g] * outcomes[g].loss;
        sums[1] += outcomes[g].right;
    }
    ranks_->sum(sums);
    result.loss = sums[0];
    result.right = sums[1];
    if (!std::isfinite(result.loss)) return result;
    at::NoGradGuard no_gradients;
    if (ranks_->is_parallel()) sum_over_ranks(gradients, shares);

    // Early on, the average forgets fast, else it would remember the random start.
    const double t = static_cast<double>(update_.steps);
    const double keep = std::min(options_->average, (1 + t) / (10 + t));
    update_.step(gradients, shares, rate, keep);
    network_->update_statistics(statistics, options_->statistics_momentum);
    for (auto& [name, value] : averaged_->statistics())
        value.mul_(keep).add_(network_->statistics().at(name), 1 - keep);
    return result;
}

}  // namespace locus::train
