#include "model/onnx/onnx_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>

#include <fmt/format.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <onnx/onnx_pb.h>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "model/onnx/external_data.hpp"
#include "model/onnx/proto_reader.hpp"
#include "model/tensor_misuse.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

namespace fs = std::filesystem;
using text::quote;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::model, sentence); }

/// `size` is that of the whole file, in bytes.
Model parse(google::protobuf::io::ZeroCopyInputStream& stream, std::uint64_t size, const fs::path& folder) {
    if (size == 0) refuse("it is not an ONNX model: it is empty");
    try {
        onnx::ModelProto proto;
        if (!proto.ParseFromZeroCopyStream(&stream)) refuse("it is not an ONNX model, or it is truncated");
        ExternalData external(folder);
        return blaming_the_model([&] { return read_model(proto, external); });
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, "there is not enough memory to read the model");
    }
}

}  // namespace

Model parse(std::span<const std::byte> bytes, const fs::path& folder) {
    if (bytes.size() > largest_onnx_file) {
        throw Error(ErrorKind::resource,
                    "it is larger than 2 GiB, which no ONNX file can be: keep the weights in external data");
    }
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    return parse(stream, bytes.size(), folder);
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
    const std::uint64_t size = fs::file_size(file, failed);
    if (failed) throw Error(ErrorKind::io, fmt::format("cannot read {}: {}", shown, failed.message()));
    if (size > largest_onnx_file) {
        throw Error(ErrorKind::resource,
                    fmt::format("{} is larger than 2 GiB, which no ONNX file can be: keep the weights in external data",
                                shown));
    }
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot open {}: {}", shown, std::strerror(errno)));
    // A part at a time: the weights are in memory once, not beside the file's bytes.
    constexpr int part = 1 << 18;
    google::protobuf::io::IstreamInputStream parts(&stream, part);
    try {
        const fs::path folder = file.parent_path();
        return parse(parts, size, folder.empty() ? fs::path(".") : folder);
    } catch (const Error& error) {
        if (stream.bad()) throw Error(ErrorKind::io, fmt::format("cannot read {}", shown));
        throw Error(error.kind(), fmt::format("cannot load the model {}: {}", shown, error.what()));
    }
}

void name_producer(Model& model) {
    model.producer_name = "Locus";
    model.producer_version = LOCUS_VERSION;
}

void save(const Model& model, const fs::path& file) { files::write_file_atomically(file, serialize(model)); }

}  // namespace locus::model
