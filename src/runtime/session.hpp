#pragma once

/// ONNX Runtime, with our tensors in and out.
///
///     runtime::Session session(model, {.threads = 2});
///     std::vector<Tensor> out = session.run({{"input", x}}, {"logits", "locus/maps"});

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "locus/tensor.hpp"
#include "model/graph.hpp"

namespace locus::model {
struct ApartModel;
}

namespace locus::runtime {

enum class Device { cpu, cuda };

struct SessionOptions {
    int threads = 0;  ///< threads within one pass; 0: one for each core
    Device device = Device::cpu;
    /// Run weights that are stored in int8 with QuantizeLinear/DequantizeLinear as floats: full speed where only
    /// weights are quantized.
    bool fold_quantized_weights = true;
    bool optimize = true;  ///< false: run the graph as it stands (to look at tensors a simplification would remove)
    /// Keep one arena for all runs (fast, holds on to its largest size), or give memory back after each run.
    bool memory_arena = true;
    const std::atomic<bool>* stop = nullptr;  ///< once it is set no pass begins; it must outlive the session
};

/// A declared input or output as the runtime sees it: -1 where a dimension is not fixed.
struct Port {
    std::string name;
    DataType type = DataType::undefined;
    Shape shape;
};

using Feed = std::pair<std::string, Tensor>;

/// A network ready to run. `run` may be called from several threads at once. Not copyable, movable.
class Session {
public:
    /// Throws Error(model) in one sentence where the runtime refuses the model, Error(unsupported) where the device is
    /// not there.
    explicit Session(const model::Model& model, const SessionOptions& options = {});
    /// The same for the bytes of an ONNX file.
    explicit Session(const std::string& onnx_bytes, const SessionOptions& options = {});
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    const std::vector<Port>& inputs() const;
    const std::vector<Port>& outputs() const;

    /// The wanted outputs for the feeds, in the order asked. Throws Error(model) where shapes do not fit or leave a
    /// layer without positions, Error(resource) where memory does not suffice; waits while other passes leave too
    /// little (runtime/pass_needs.hpp). Throws Stopped where SessionOptions::stop was set.
    std::vector<Tensor> run(const std::vector<Feed>& feeds, const std::vector<std::string>& outputs) const;

private:
    Session(const model::ApartModel& model, const SessionOptions& options);

    struct State;
    std::unique_ptr<State> state_;
};

/// Version of the ONNX Runtime library that is loaded, as "1.30.0".
std::string runtime_version();

}  // namespace locus::runtime
