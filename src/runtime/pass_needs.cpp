#include "runtime/pass_needs.hpp"

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::runtime {
namespace {

/// So many shapes are remembered: more are a caller's who gives every input another size.
constexpr std::size_t most_remembered = 256;

/// What a pass takes of the runtime's arena for a byte that lives: the arena's pieces do not fit each other (1.7 for
/// MobileNetV2 at 6,000 pixels).
constexpr double arena_factor = 1.75;

/// Parts below it are not counted.
constexpr double small_part = 64e6;

double size_of(const model::KnownTensor& tensor) {
    double size = tensor.type == DataType::undefined ? 0 : bits(tensor.type) / 8.0;
    for (const std::int64_t extent : tensor.shape) size *= static_cast<double>(std::max<std::int64_t>(extent, 0));
    return size;
}

/// Whole numbers, and the few floats that scales of a Resize are.
bool may_be_shape_arithmetic(const Tensor& tensor) {
    constexpr std::int64_t most_floats = 64;
    const bool is_whole = tensor.type() == DataType::int64 || tensor.type() == DataType::int32;
    return tensor.size() <= (is_whole ? model::largest_known_value : most_floats);
}

/// Operators that look at neighbouring positions: the runtime wants at least one.
bool needs_positions(const model::Node& node) {
    static const std::unordered_set<std::string> operators{
        "Conv",   "ConvTranspose", "ConvInteger",       "QLinearConv",   "MaxPool",     "AveragePool",
        "LpPool", "MaxRoiPool",    "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"};
    return node.domain.empty() && operators.contains(node.op_type);
}

bool has_no_positions(const Shape& shape) {
    return shape.size() > 2 && std::any_of(shape.begin() + 2, shape.end(), [](std::int64_t size) { return size < 1; });
}

/// The images among the inputs.
std::string described(const std::map<std::string, Shape>& input_shapes) {
    std::string text;
    for (const auto& [name, shape] : input_shapes) {
        if (shape.size() > 2) text += (text.empty() ? "" : ", ") + to_string(shape);
    }
    return text;
}

std::string amount(double bytes) {
    return bytes < 1e9 ? fmt::format("{:.0f} MB", bytes / 1e6) : fmt::format("{:.1f} GB", bytes / 1e9);
}

/// The number after `key` in a file of lines "key number", or the file's only number; none where there is no such.
std::optional<double> number_in(const std::filesystem::path& file, const std::string& key = "") {
    std::ifstream stream(file);
    std::string word;
    double number = 0;
    if (key.empty()) return stream >> number ? std::optional(number) : std::nullopt;
    while (stream >> word) {
        if (word == key) return stream >> number ? std::optional(number) : std::nullopt;
    }
    return std::nullopt;
}

/// What a container leaves: its limit less what cannot be given back, in either version of cgroups.
std::optional<double> free_in_container() {
    const std::filesystem::path root = "/sys/fs/cgroup";
    auto limit = number_in(root / "memory.max"), used = number_in(root / "memory.current"),
         cached = number_in(root / "memory.stat", "file");
    if (!limit) {
        limit = number_in(root / "memory/memory.limit_in_bytes");
        used = number_in(root / "memory/memory.usage_in_bytes");
        cached = number_in(root / "memory/memory.stat", "total_cache");
    }
    if (!limit || !used) return std::nullopt;
    return std::max(*limit - *used + cached.value_or(0), 0.0);
}

/// Of the free memory, what passes may take together: weights, pictures and results need some, too.
double memory_for_passes() { return 0.8 * free_memory(); }

/// What passes under way hold.
struct Held {
    std::mutex mutex;
    std::condition_variable given_back;
    double bytes = 0;
};

Held& held() {
    static Held all;
    return all;
}

}  // namespace

double free_memory() {
    static const double bytes = [] {
        constexpr double kilobyte = 1024, unknown = 1e18;
        const double machine = kilobyte * number_in("/proc/meminfo", "MemAvailable:").value_or(unknown);
        return std::min(machine, free_in_container().value_or(unknown));
    }();
    return bytes;
}

PassNeeds::PassNeeds(const model::Model& model) : opset_(model.opset()), nodes_(model.graph.nodes) {
    for (const model::ValueInfo& input : model.graph.inputs) inputs_[input.name] = input.type;
    for (const auto& [name, tensor] : model.graph.initializers) {
        model::KnownTensor& constant = constants_[name] = {tensor.type(), tensor.shape(), {}};
        if (may_be_shape_arithmetic(tensor)) constant.value = tensor;
    }
    std::unordered_set<std::string> needed;
    for (const model::ValueInfo& output : model.graph.outputs) needed.insert(output.name);
    last_read_.resize(nodes_.size());
    for (std::size_t i = nodes_.size(); i-- > 0;) {
        const auto note = [&](const std::string& tensor) {
            if (!tensor.empty() && !inputs_.contains(tensor) && !constants_.contains(tensor) &&
                needed.insert(tensor).second)
                last_read_[i].push_back(tensor);
        };
        for (const std::string& tensor : nodes_[i].inputs) note(tensor);
        for (const std::string& tensor : nodes_[i].outputs) note(tensor);  // read by nobody
    }
}

double PassNeeds::bytes(const std::map<std::string, Shape>& input_shapes) const {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = known_.find(input_shapes); found != known_.end()) return found->second;
    }
    const double result = worked_out(input_shapes);
    const std::lock_guard lock(mutex_);
    if (known_.size() < most_remembered) known_[input_shapes] = result;
    return result;
}

double PassNeeds::worked_out(const std::map<std::string, Shape>& input_shapes) const {
    model::KnownTensors known = constants_;
    double now = 0;
    for (const auto& [name, type] : inputs_) {
        const auto shape = input_shapes.find(name);
        if (shape == input_shapes.end()) continue;
        known[name] = {type, shape->second, {}};
        now += size_of(known[name]);
    }
    double most = now;
    const auto require_positions = [&](const model::Node& node, const std::string& tensor) {
        const auto found = known.find(tensor);
        if (found == known.end() || !has_no_positions(found->second.shape)) return;
        throw Error(
            ErrorKind::model,
            fmt::format("an input of {} is too small for the network: {} is left with no positions, {}",
                        described(input_shapes), text::printable(node.description()), to_string(found->second.shape)));
    };
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const model::Node& node = nodes_[i];
        if (model::infer_node(node, opset_, known)) {
            if (needs_positions(node)) {
                require_positions(node, node.input(0));
                require_positions(node, node.output(0));
            }
            for (const std::string& output : node.outputs) {
                if (const auto found = known.find(output); found != known.end()) now += size_of(found->second);
            }
        }
        most = std::max(most, now);
        for (const std::string& tensor : last_read_[i]) {
            if (const auto found = known.find(tensor); found != known.end()) now -= size_of(found->second);
        }
    }
    return arena_factor * most;
}

void require_memory(double bytes) {
    if (bytes < small_part || bytes <= memory_for_passes()) return;
    throw Error(ErrorKind::resource,
                fmt::format("a pass of the network over this input takes some {} of memory, and {} are free for it: a "
                            "smaller input or batch is needed",
                            amount(bytes), amount(memory_for_passes())));
}

MemoryShare::MemoryShare(double bytes) {
    if (bytes < small_part) return;
    require_memory(bytes);
    std::unique_lock lock(held().mutex);
    held().given_back.wait(lock, [&] { return held().bytes + bytes <= memory_for_passes(); });
    held().bytes += bytes;
    bytes_ = bytes;
}

MemoryShare::~MemoryShare() {
    if (bytes_ == 0) return;
    {
        const std::lock_guard lock(held().mutex);
        held().bytes -= bytes_;
    }
    held().given_back.notify_all();
}

}  // namespace locus::runtime
