#include "model/onnx_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include "locus/error.hpp"
#include "model/external_data.hpp"
#include "model/proto_reader.hpp"
#include "report/atomic_file.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

namespace fs = std::filesystem;
using text::quote;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::model, sentence); }

}  // namespace

Model parse(std::span<const std::byte> bytes, const fs::path& folder) {
    if (bytes.empty()) refuse("it is not an ONNX model: it is empty");
    if (bytes.size() > largest_onnx_file) {
        throw Error(ErrorKind::resource,
                    "it is larger than 2 GiB, which no ONNX file can be: keep the weights in external data");
    }
    try {
        onnx::ModelProto proto;
        if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
            refuse("it is not an ONNX model, or it is truncated");
        }
        ExternalData external(folder);
        return read_model(proto, external);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, "there is not enough memory to read the model");
    }
}

Model load(const fs::path& file) {
    const std::string shown = quote(file.string());
    std::error_code failed;
    const fs::file_status status = fs::status(file, failed);
    if (status.type() == fs::file_type::not_found)
        throw Error(ErrorKind::io, fmt::format("there is no model file {}", shown));
    if (status.type() == fs::file_type::directory) {
        throw Error(ErrorKind::io, fmt::format("{} is a folder; a model is a single .onnx file", shown));
    }
    std::vector<std::byte> bytes;
    const std::uint64_t size = fs::file_size(file, failed);
    if (failed) throw Error(ErrorKind::io, fmt::format("cannot read {}: {}", shown, failed.message()));
    if (size > largest_onnx_file) {
        throw Error(ErrorKind::resource,
                    fmt::format("{} is larger than 2 GiB, which no ONNX file can be: keep the weights in external data",
                                shown));
    }
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot open {}: {}", shown, std::strerror(errno)));
    try {
        bytes.resize(size);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("there is not enough memory to read {}", shown));
    }
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot read {}", shown));
    try {
        const fs::path folder = file.parent_path();
        return parse(bytes, folder.empty() ? fs::path(".") : folder);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("cannot load the model {}: {}", shown, error.what()));
    }
}

void name_producer(Model& model) {
    model.producer_name = "Locus";
    model.producer_version = LOCUS_VERSION;
}

void save(const Model& model, const fs::path& file) { report::write_file_atomically(file, serialize(model)); }

}  // namespace locus::model
