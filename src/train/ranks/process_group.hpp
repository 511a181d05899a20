#pragma once

/// Several processes that train one network, each with its own part of every batch: c10d with Gloo, over TCP.
///
///     train::ProcessGroup group(train::rank_environment());
///     group.sum(gradient);                       // in place: the sum over ranks, the same bits on each
///     std::string state = group.broadcast(text); // rank 0's, on every rank
///
/// Every rank makes the same calls in the same order. A rank that ends, or says nothing for ten minutes, makes the
/// others' calls throw LostRank.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "locus/error.hpp"
#include "train/ranks/rank_environment.hpp"

namespace locus::train {

/// A call that waited for another rank and will wait in vain.
class LostRank : public Error {
public:
    explicit LostRank(const std::string& reason);
};

class ProcessGroup {
public:
    /// Waits until all ranks are there. Throws Error(io) where that takes longer than five minutes, and
    /// Error(unsupported) where there are several and this Locus was built without Gloo.
    explicit ProcessGroup(const RankEnvironment& ranks);
    ~ProcessGroup();
    ProcessGroup(const ProcessGroup&) = delete;
    ProcessGroup& operator=(const ProcessGroup&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    bool is_parallel() const { return size_ > 1; }
    bool is_first() const { return rank_ == 0; }

    /// Calls on different channels may overlap; those on one have an order. Channel 0 is always there.
    void open_channels(std::size_t count);

    /// In place, the sum over ranks; floats or doubles. Nothing to do for one rank.
    void sum(at::Tensor& values, std::size_t channel = 0) const;
    void sum(std::vector<double>& values) const;
    /// Rank 0's text.
    std::string broadcast(std::string text) const;

private:
    struct Links;
    int rank_ = 0, size_ = 1;
    std::unique_ptr<Links> links_;
};

}  // namespace locus::train
