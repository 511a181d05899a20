#include "runtime/session.hpp"

#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/failure_sentence.hpp"
#include "runtime/pass_needs.hpp"
#include "text/quote.hpp"

namespace locus::runtime {
namespace {

/// Official builds of ONNX Runtime (1.29 and later) report models and devices to their maker, and keep an identifier in
/// the home folder, unless told so before the environment is made: switching it off afterwards is too late for the
/// first report. What a classifier looks at is nobody else's business.
void forbid_telemetry() { ::setenv("ORT_DISABLE_TELEMETRY", "1", 1); }

/// The process's environment, and the threads that its sessions share. Were they each session's own, those of the last
/// one to run would still spin, waiting for more, on cores that the next one wants, and the system would place the next
/// one's on the core of the thread that waits for them: on two cores, passes of a few milliseconds took three times as
/// long.
struct Environment {
    Ort::Env env;
    int threads;  ///< shared ones in all, the caller's included; 0: as many as ONNX Runtime chooses
};

/// ONNX Runtime wants one environment a process. It is never destroyed: sessions of other static objects may outlive
/// it. The first session says how many threads are shared: those that it asks for; the runtime's own number where it
/// asks for one, which it runs on without them. Sessions that ask for another number have threads of their own.
Environment& environment(int threads) {
    static auto* made = [threads] {
        forbid_telemetry();
        const int shared = threads == 1 ? 0 : threads;
        Ort::ThreadingOptions pool;
        pool.SetGlobalIntraOpNumThreads(shared).SetGlobalInterOpNumThreads(1);
        auto* environment = new Environment{{pool, ORT_LOGGING_LEVEL_FATAL, "locus"}, shared};
        environment->env.DisableTelemetryEvents();
        return environment;
    }();
    return *made;
}

/// A declared shape, any extent as n.
std::string shown(const Shape& shape) {
    std::string text;
    for (const std::int64_t extent : shape)
        text += (text.empty() ? "" : ", ") + (extent < 0 ? std::string("n") : std::to_string(extent));
    return '[' + text + ']';
}

ONNXTensorElementDataType to_runtime(DataType type) {
    return static_cast<ONNXTensorElementDataType>(static_cast<int>(type));  // both use ONNX's numbers
}

Port describe(std::string name, const Ort::TypeInfo& info) {
    Port port{std::move(name), DataType::undefined, {}};
    if (info.GetONNXType() == ONNX_TYPE_TENSOR) {
        const auto tensor = info.GetTensorTypeAndShapeInfo();
        port.type = static_cast<DataType>(static_cast<int>(tensor.GetElementType()));
        port.shape = tensor.GetShape();
    }
    return port;
}

/// The tensor for the runtime, where it lies.
Ort::Value value_of(const Tensor& tensor) {
    static const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    // The runtime takes a mutable pointer but never writes to what it is fed.
    auto* data = const_cast<std::byte*>(tensor.bytes().data());
    return Ort::Value::CreateTensor(memory, data, tensor.bytes().size(), tensor.shape().data(), tensor.rank(),
                                    to_runtime(tensor.type()));
}

Tensor to_tensor(const Ort::Value& value, const std::string& name) {
    if (!value.IsTensor()) {
        throw Error(ErrorKind::unsupported, fmt::format("the output {} is not a tensor", text::quote(name)));
    }
    const auto info = value.GetTensorTypeAndShapeInfo();
    Tensor tensor =
        Tensor::for_overwrite(static_cast<DataType>(static_cast<int>(info.GetElementType())), info.GetShape());
    const auto target = tensor.mutable_bytes();
    if (!target.empty()) {
        std::copy_n(static_cast<const std::byte*>(value.GetTensorRawData()), target.size(), target.data());
    }
    return tensor;
}

Error memory_shortage() {
    return {ErrorKind::resource,
            "memory does not suffice to run the network on this batch; make it smaller with --batch"};
}

Ort::Session open(const std::string& onnx_bytes, Ort::SessionOptions& settings, int threads) {
    Environment& process = environment(threads);
    if (threads == process.threads) {
        Ort::SessionOptions shared = settings.Clone();
        shared.DisablePerSessionThreads();
        try {
            return {process.env, onnx_bytes.data(), onnx_bytes.size(), shared};
        } catch (const Ort::Exception& error) {
            // A program that Locus is a part of has made the environment before, without shared threads.
            if (std::string_view(error.what()).find("CreateEnvWithGlobalThreadPools") == std::string_view::npos) throw;
        }
    }
    if (threads > 0) settings.SetIntraOpNumThreads(threads);
    return {process.env, onnx_bytes.data(), onnx_bytes.size(), settings};
}

}  // namespace

struct Session::State {
    Ort::Session session{nullptr};
    std::vector<Port> inputs;
    std::vector<Port> outputs;
    const std::atomic<bool>* stop = nullptr;
    std::optional<PassNeeds> needs;  ///< unknown of a graph that came as bytes

    const Port& input(const std::string& name) const {
        const auto found =
            std::find_if(inputs.begin(), inputs.end(), [&](const Port& port) { return port.name == name; });
        if (found == inputs.end()) {
            throw Error(ErrorKind::usage, fmt::format("the network has no input {}", text::quote(name)));
        }
        return *found;
    }

    void check(const std::string& name, const Tensor& tensor) const {
        const Port& port = input(name);
        bool fits = port.type == tensor.type() && port.shape.size() == tensor.rank();
        for (std::size_t i = 0; fits && i < port.shape.size(); ++i) {
            fits = port.shape[i] < 0 || port.shape[i] == tensor.shape()[i];
        }
        if (!fits) {
            throw Error(ErrorKind::model,
                        fmt::format("the input {} takes {} {}, not {} {}", text::quote(name), locus::name(port.type),
                                    shown(port.shape), locus::name(tensor.type()), to_string(tensor.shape())));
        }
    }
};

Session::Session(const std::string& onnx_bytes, const SessionOptions& options)
    : Session(model::ApartModel{.bytes = onnx_bytes, .weights = {}}, options) {}

Session::Session(const model::Model& model, const SessionOptions& options)
    : Session(model::serialize_apart(model), options) {
    state_->needs.emplace(model);
}

Session::Session(const model::ApartModel& model, const SessionOptions& options) : state_(std::make_unique<State>()) {
    state_->stop = options.stop;
    try {
        Ort::SessionOptions settings;
        settings.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
        settings.SetGraphOptimizationLevel(options.optimize ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
        settings.SetExecutionMode(ORT_SEQUENTIAL);
        if (options.fold_quantized_weights) settings.AddConfigEntry(kOrtSessionOptionsDisableQuantQDQ, "1");
        if (!options.memory_arena) settings.DisableCpuMemArena();
        if (options.device == Device::cuda) {
            try {
                settings.AppendExecutionProvider_CUDA(OrtCUDAProviderOptions{});
            } catch (const Ort::Exception&) {  // builds without it say so in several ways
                throw Error(ErrorKind::unsupported,
                            "this ONNX Runtime cannot use CUDA here; set ONNXRUNTIME_ROOT to a CUDA build of it on a "
                            "machine with a GPU, or use --device cpu");
            }
        }
        std::vector<std::string> names;
        std::vector<Ort::Value> values;
        for (const auto& [name, tensor] : model.weights) {
            names.push_back(name);
            values.push_back(value_of(tensor));
        }
        if (!names.empty()) settings.AddExternalInitializers(names, values);
        state_->session = open(model.bytes, settings, options.threads);
    } catch (const Ort::Exception& error) {
        throw Error(ErrorKind::model, load_failure(error.what()));
    }
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < state_->session.GetInputCount(); ++i) {
        state_->inputs.push_back(
            describe(state_->session.GetInputNameAllocated(i, allocator).get(), state_->session.GetInputTypeInfo(i)));
    }
    for (std::size_t i = 0; i < state_->session.GetOutputCount(); ++i) {
        state_->outputs.push_back(
            describe(state_->session.GetOutputNameAllocated(i, allocator).get(), state_->session.GetOutputTypeInfo(i)));
    }
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const std::vector<Port>& Session::inputs() const { return state_->inputs; }
const std::vector<Port>& Session::outputs() const { return state_->outputs; }

std::vector<Tensor> Session::run(const std::vector<Feed>& feeds, const std::vector<std::string>& outputs) const {
    if (state_->stop != nullptr && *state_->stop) throw Stopped{};
    std::vector<const char*> input_names, output_names;
    std::vector<Ort::Value> values;
    for (const auto& [name, tensor] : feeds) {
        state_->check(name, tensor);
        input_names.push_back(name.c_str());
        values.push_back(value_of(tensor));
    }
    for (const auto& name : outputs) output_names.push_back(name.c_str());

    std::map<std::string, Shape> shapes;
    for (const auto& [name, tensor] : feeds) shapes.emplace(name, tensor.shape());
    const MemoryShare share(state_->needs ? state_->needs->bytes(shapes) : 0);
    std::vector<Ort::Value> results;
    try {
        results = state_->session.Run(Ort::RunOptions{nullptr}, input_names.data(), values.data(), values.size(),
                                      output_names.data(), output_names.size());
    } catch (const Ort::Exception& error) {
        if (!is_memory_shortage(error.what())) throw Error(ErrorKind::model, run_failure(error.what()));
        throw memory_shortage();
    } catch (const std::bad_alloc&) {
        throw memory_shortage();
    }
    std::vector<Tensor> tensors;
    tensors.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) tensors.push_back(to_tensor(results[i], outputs[i]));
    return tensors;
}

std::string runtime_version() { return OrtGetApiBase()->GetVersionString(); }

}  // namespace locus::runtime
