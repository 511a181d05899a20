#include "deploy/triton_repository.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::deploy {
namespace {

constexpr int largest_batch = 16;  // what the server may put together
constexpr const char* labels_file = "labels.txt";

std::string triton_type(DataType type) {
    switch (type) {
        case DataType::float32:
            return "TYPE_FP32";
        case DataType::float16:
            return "TYPE_FP16";
        case DataType::uint8:
            return "TYPE_UINT8";
        case DataType::int64:
            return "TYPE_INT64";
        default:
            throw Error(ErrorKind::unsupported, fmt::format("no Triton type is known for {}", name(type)));
    }
}

/// A string of protobuf's text format.
std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

std::string port(const model::ValueInfo& info, bool batched, const std::string& labels = {}) {
    std::vector<std::int64_t> sizes;
    for (std::size_t i = batched ? 1 : 0; info.shape && i < info.shape->size(); ++i)
        sizes.push_back((*info.shape)[i].value.value_or(-1));
    // A port of one number an item has no dimension left but the batch.
    const bool scalar = sizes.empty();
    return fmt::format("  {{\n    name: {}\n    data_type: {}\n    dims: [ {} ]\n{}{}  }}", quoted(info.name),
                       triton_type(info.type), scalar ? "1" : fmt::format("{}", fmt::join(sizes, ", ")),
                       scalar ? "    reshape: { shape: [ ] }\n" : "",
                       labels.empty() ? "" : fmt::format("    label_filename: {}\n", quoted(labels)));
}

}  // namespace

std::string triton_configuration(const model::Model& explained, const std::string& name) {
    const auto& inputs = explained.graph.inputs;
    const bool batched = std::all_of(inputs.begin(), inputs.end(), [](const model::ValueInfo& info) {
        return info.shape && !info.shape->empty() && !info.shape->front().value;
    });
    const bool labelled = explained.metadata.contains("labels");
    const auto ports = [&](const std::vector<model::ValueInfo>& infos) {
        std::vector<std::string> texts;
        for (const auto& info : infos)
            texts.push_back(port(info, batched, labelled && info.name == "logits" ? labels_file : ""));
        return fmt::format("{}", fmt::join(texts, ",\n"));
    };
    return fmt::format("name: {}\nbackend: \"onnxruntime\"\nmax_batch_size: {}\ninput [\n{}\n]\noutput [\n{}\n]\n{}",
                       quoted(name), batched ? largest_batch : 0, ports(inputs), ports(explained.graph.outputs),
                       batched ? "dynamic_batching { }\n" : "");
}

void write_triton_repository(const model::Model& explained, const std::filesystem::path& folder,
                             const std::string& name) {
    const auto model = folder / name / "1";
    std::error_code failure;
    std::filesystem::create_directories(model, failure);
    if (failure)
        throw Error(ErrorKind::io, fmt::format("cannot make the folder {}: {}", model.string(), failure.message()));
    model::save(explained, model / "model.onnx");
    if (const auto labels = explained.metadata.find("labels"); labels != explained.metadata.end())
        files::write_file_atomically(folder / name / labels_file, labels->second + '\n');
    files::write_file_atomically(folder / name / "config.pbtxt", triton_configuration(explained, name));
}

}  // namespace locus::deploy
