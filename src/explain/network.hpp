#pragma once

/// A classifier as every method takes it: the graph, what was found out about it, and how it is fed.
///
///     explain::Network network = explain::load_network("resnet50.onnx", {});
///     network.head.target_layer;      // the tensor that is pooled
///     Tensor x = explain::random_input(network, 1, 0);

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"
#include "model/graph.hpp"
#include "model/head.hpp"
#include "runtime/session.hpp"

namespace locus::explain {

struct NetworkOptions {
    std::string input;                 ///< name of the image input; empty: found
    std::string output;                ///< name of the score output, or of a tensor inside; empty: found
    std::vector<runtime::Feed> feeds;  ///< values for the other inputs
    bool bind_inputs = true;           ///< false: to look at the model only; other inputs may stay without a value
    int threads = 0;                   ///< within a pass; 0: one a core; see runtime/thread_count.hpp
    runtime::Device device = runtime::Device::cpu;
    const std::atomic<bool>* stop = nullptr;            ///< as runtime::SessionOptions has it
    std::function<void(Preprocessing&)> preprocessing;  ///< changes what was found, which is then "given"
    std::optional<std::span<const std::byte>> bytes;    ///< the ONNX file, where it is in memory
};

struct Network {
    std::filesystem::path file;  ///< of a model in memory, how sentences call it
    model::Model model;          ///< its only input is the image: other inputs have become constants (see bind_inputs)
    model::ClassifierHead head;
    std::string input;
    DataType input_type = DataType::float32;
    std::vector<std::string> fed;             ///< the other inputs that were given values
    std::optional<std::int64_t> fixed_batch;  ///< where the graph takes just this many items a pass
    Preprocessing preprocessing;
    std::vector<std::string> labels;
    std::map<std::string, std::string> origins;  ///< where each value of preprocessing was found, or "given"
    std::vector<std::string> warnings;           ///< one sentence each
    runtime::SessionOptions session;             ///< how sessions of this network are to be opened
};

/// Reads a model and finds out all that needs no pass. Of a model in memory, `file` is what sentences call it, and
/// nothing is looked for beside it. Throws what model::load, model::require_numbers, model::find_head,
/// model::read_metadata and require_fit throw, Error(usage) where an input has no value or one that holds NaN and where
/// options.preprocessing leaves values that are not possible, and Error(resource) where memory does not suffice for a
/// pass.
Network load_network(const std::filesystem::path& file, const NetworkOptions& options);

/// Bytes that a pass over `batch` photos so preprocessed takes (runtime/pass_needs.hpp). Throws Error(usage) where the
/// input declares another number of channels, size or order, Error(model) where photos of that size leave a layer
/// without positions.
double require_fit(const model::Model& model, const model::ValueInfo& input, const Preprocessing& preprocessing,
                   std::int64_t batch = 1);

/// Throws Error(usage) unless there is one label a class.
void require_one_a_class(const std::vector<std::string>& labels, std::int64_t classes);

/// Shape of `batch` inputs by the network's preprocessing: [batch, C, H, W], or [batch, H, W, C].
Shape input_shape(const Network& network, std::int64_t batch);

/// Axes of the input that are rows and columns.
std::vector<std::size_t> image_axes(const Network& network);

/// Reproducible noise in the range that real inputs have, for verifications.
Tensor random_input(const Network& network, std::int64_t batch, std::uint64_t seed);

/// Runs `session` on the inputs in passes of the size the graph takes, and joins the outputs along their first
/// dimension; an output named in `per_pass` is taken from the first pass only (it does not depend on the item).
std::vector<Tensor> run_in_batches(const Network& network, const runtime::Session& session, const Tensor& inputs,
                                   const std::vector<runtime::Feed>& other_feeds,
                                   const std::vector<std::string>& outputs,
                                   const std::vector<std::string>& per_pass = {});

}  // namespace locus::explain
