#include "train/checkpoint.hpp"

#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "files/sha256.hpp"
#include "locus/error.hpp"

namespace locus::train {

namespace {

constexpr std::string_view magic = "locus checkpoint 1\n";
constexpr std::size_t digest_length = 64;  // hexadecimal

}  // namespace

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file) {
    nlohmann::json table = nlohmann::json::array();
    std::string bytes;
    for (const auto& [name, tensor] : checkpoint.tensors) {
        table.push_back({{"name", name}, {"type", static_cast<int>(tensor.type())}, {"shape", tensor.shape()}});
        bytes.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
    }
    const std::string header = nlohmann::json{{"state", checkpoint.state}, {"tensors", table}}.dump();
    std::string content(magic);
    content += fmt::format("{}\n", header.size());
    content += header;
    content += bytes;
    content += files::sha256(content);
    files::write_file_atomically(file, content);
}

Checkpoint load_checkpoint(const std::filesystem::path& file) { return parse_checkpoint(read_checkpoint(file), file); }

std::string read_checkpoint(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorKind::io, fmt::format("{}: there is no checkpoint to go on from", file.string()));
    return {std::istreambuf_iterator<char>(stream), {}};
}

Checkpoint parse_checkpoint(std::string content, const std::filesystem::path& file) {
    const auto fail = [&](const char* what) -> Error {
        return Error(ErrorKind::io, fmt::format("{}: {}", file.string(), what));
    };
    if (!content.starts_with(magic) || content.size() < magic.size() + digest_length) throw fail("is not a checkpoint");
    const std::string digest = content.substr(content.size() - digest_length);
    content.resize(content.size() - digest_length);
    if (files::sha256(content) != digest) throw fail("is damaged: its checksum does not fit");

    const std::size_t line_end = content.find('\n', magic.size());
    const std::size_t header_length = std::stoull(content.substr(magic.size(), line_end - magic.size()));
    const auto header = nlohmann::json::parse(content.substr(line_end + 1, header_length));
    Checkpoint checkpoint;
    checkpoint.state = header.at("state").get<std::string>();
    std::size_t at = line_end + 1 + header_length;
    for (const auto& entry : header.at("tensors")) {
        Tensor tensor(static_cast<DataType>(entry.at("type").get<int>()), entry.at("shape").get<Shape>());
        const auto bytes = tensor.mutable_bytes();
        if (bytes.size() > content.size() - at) throw fail("is damaged: a tensor is not whole");
        std::memcpy(bytes.data(), content.data() + at, bytes.size());
        at += bytes.size();
        checkpoint.tensors.emplace(entry.at("name").get<std::string>(), std::move(tensor));
    }
    return checkpoint;
}

}  // namespace locus::train
