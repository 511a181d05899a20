#pragma once

/// Many inputs through one network: what `locus explain` does with a folder of photos.
///
///     batch::RunOptions options{.model = "resnet50.onnx", .out = "explained"};
///     batch::RunResult result = batch::run(options, batch::list_inputs({"photos"}, std::cin), {}, stop);
///
/// Workers take inputs one after another, and each carries its input through all of it: decode, preprocess, network,
/// boxes, pictures, files. So decoding, the network and drawing overlap on all cores, nothing waits in queues, and
/// memory is bounded by the number of workers. A pass takes one thread where there are as many inputs as cores, and
/// more where there are fewer. Under mpirun the ranks share the inputs out, each writes the files of its own, and rank
/// 0 keeps the journal (cluster/cluster.hpp).

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "batch/input_list.hpp"
#include "cluster/cluster.hpp"
#include "locus/boxes.hpp"
#include "locus/explainer.hpp"
#include "locus/overlay.hpp"
#include "report/results.hpp"

namespace locus::batch {

/// What is written beside results.json.
struct Saves {
    bool overlay = true;
    bool heatmap = false;
    bool mask = false;
    bool map = true;
    bool boxes = true;
    bool report = true;
};

struct RunOptions {
    std::filesystem::path model;
    std::string model_name;  ///< how results.json calls it; empty: as `model`
    ExplainerOptions explainer;
    std::vector<std::string> labels;  ///< in place of the model's; empty: the model's
    std::vector<std::string> classes{"top:1"};
    BoxOptions boxes;
    OverlayOptions overlay;
    Saves save;
    int batch = 0;        ///< inputs a pass; 0: as many as the model says, else 1
    int threads = 0;      ///< 0: one a core
    int sample_bits = 0;  ///< of 16-bit files, as image::DecodeOptions has it
    std::filesystem::path out;
    bool resume = false;
    bool overwrite = false;
    const cluster::Cluster* cluster = nullptr;  ///< nullptr: this process alone
};

/// Told of what happens, on rank 0, one call at a time, images in the order of the inputs; `describe` apart.
struct RunObserver {
    std::function<void(const report::RunRecord& run, const Explainer& explainer)> begun;
    /// What is to be said of an image. Called where it was explained: on any rank, by several threads at once.
    std::function<std::string(const report::ImageRecord& image)> describe;
    std::function<void(const std::string& description)> image;
    std::function<void(const std::string& warning)>
        warning;  ///< about an input that is explained all the same, before `image`
    std::function<void(const report::Failure& failure)> failure;
    std::function<void(std::size_t done, std::size_t inputs)> progress;  ///< in any order, often
};

struct RunResult {
    std::size_t inputs = 0;
    std::size_t done = 0;  ///< explained, in this run or an earlier one that it resumes
    std::size_t failed = 0;
    std::size_t resumed = 0;  ///< of both, in an earlier run
    bool interrupted = false;
    std::string remark;      ///< what is to be said of the inputs as a whole, one sentence; mostly empty
    bool is_helper = false;  ///< this process helped rank 0 and has nothing to tell
};

/// Explains the inputs and writes OUT (docs/formats.md). Inputs that fail are recorded and the rest is done. Once
/// `stop` is set, the network's passes in flight are finished, inputs that need no more are done, and the outputs say
/// that they are unfinished. Throws Error for what concerns all inputs: the model, the options, OUT; among ranks, on each
/// of them. Throws Stopped where `stop` was set before the model was ready: OUT is not touched then.
RunResult run(const RunOptions& options, const std::vector<InputItem>& inputs, const RunObserver& observer,
              const std::atomic<bool>& stop);

}  // namespace locus::batch
