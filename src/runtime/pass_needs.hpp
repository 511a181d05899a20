#pragma once

/// What a pass of a graph needs, known before the runtime is asked for it.
///
///     runtime::PassNeeds needs(model);
///     const runtime::MemoryShare share(needs.bytes({{"input", {1, 3, 224, 224}}}));   // held while the pass runs
///
/// The runtime itself takes whatever it is given: a pool over no positions divides by zero, and activations beyond the
/// machine's memory end the process.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::runtime {

/// Bytes of this machine (or of the container that the process runs in) that nobody used when the process first asked.
double free_memory();

class PassNeeds {
public:
    /// Weights are not kept, only constants that may be shape arithmetic.
    explicit PassNeeds(const model::Model& model);

    /// Bytes that the tensors of a pass over inputs of these shapes take when they take most, by the order of the
    /// graph's nodes, and what the runtime's arena wastes; weights and tensors whose shapes nobody can tell before the
    /// run do not count. Throws Error(model) where a convolution or pool would be left without positions, naming it.
    /// May be called from several threads at once.
    double bytes(const std::map<std::string, Shape>& input_shapes) const;

private:
    double worked_out(const std::map<std::string, Shape>& input_shapes) const;

    std::int64_t opset_ = 0;
    std::vector<model::Node> nodes_;
    /// By node: the tensors that no later one reads, and that are no outputs.
    std::vector<std::vector<std::string>> last_read_;
    std::map<std::string, DataType> inputs_;
    model::KnownTensors constants_;  ///< with their values where these are shape arithmetic
    mutable std::mutex mutex_;
    mutable std::map<std::map<std::string, Shape>, double> known_;
};

/// Throws Error(resource) where a pass that takes so many bytes would not fit into the free memory even by itself.
void require_memory(double bytes);

/// A part of the free memory. Making one waits while passes under way hold too much of it; throws what require_memory
/// throws. Small parts are not counted.
class MemoryShare {
public:
    explicit MemoryShare(double bytes);
    ~MemoryShare();
    MemoryShare(const MemoryShare&) = delete;
    MemoryShare& operator=(const MemoryShare&) = delete;

private:
    double bytes_ = 0;
};

}  // namespace locus::runtime
