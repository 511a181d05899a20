#include "dataset/tar_index.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {

namespace {

constexpr std::size_t block_size = 512;
using Block = std::array<char, block_size>;

std::string_view text_field(const Block& block, std::size_t at, std::size_t length) {
    const std::string_view field(block.data() + at, length);
    return field.substr(0, field.find('\0'));
}

/// Octal digits, or (GNU, for large files) a big-endian binary number marked by the top bit.
std::optional<std::uint64_t> number_field(const Block& block, std::size_t at, std::size_t length) {
    std::uint64_t value = 0;
    if (static_cast<unsigned char>(block[at]) & 0x80U) {
        for (std::size_t i = 1; i < length; ++i) {
            if (value >> 55U) return std::nullopt;
            value = value << 8U | static_cast<unsigned char>(block[at + i]);
        }
        return value;
    }
    std::size_t i = at;
    while (i < at + length && block[i] == ' ') ++i;
    bool any = false;
    for (; i < at + length && block[i] >= '0' && block[i] <= '7'; ++i, any = true) {
        value = value << 3U | static_cast<std::uint64_t>(block[i] - '0');
    }
    if (!any) return std::nullopt;
    return value;
}

bool checksum_is_right(const Block& block) {
    const auto stated = number_field(block, 148, 8);
    if (!stated) return false;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
        sum += i >= 148 && i < 156 ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(block[i]);
    }
    return sum == *stated;
}

/// The value of `key` in a pax header: records of the form "LENGTH KEY=VALUE\n".
std::optional<std::string> pax_record(std::string_view records, std::string_view key) {
    std::optional<std::string> found;
    while (!records.empty()) {
        std::size_t length = 0;
        const auto [end, failed] = std::from_chars(records.data(), records.data() + records.size(), length);
        if (failed != std::errc() || length == 0 || length > records.size()) return found;
        const std::size_t digits = static_cast<std::size_t>(end - records.data());
        if (digits + 2 > length) return found;
        const std::string_view record = records.substr(digits + 1, length - digits - 2);
        if (record.size() > key.size() && record.starts_with(key) && record[key.size()] == '=') {
            found = std::string(record.substr(key.size() + 1));
        }
        records.remove_prefix(length);
    }
    return found;
}

[[noreturn]] void fail(const std::filesystem::path& archive, std::string_view what) {
    throw Error(ErrorKind::io, fmt::format("{}: {}", text::printable(archive.string()), what));
}

}  // namespace

std::vector<TarMember> index_tar(const std::filesystem::path& archive) {
    std::error_code status;
    const std::uint64_t end = std::filesystem::file_size(archive, status);
    std::ifstream stream(archive, std::ios::binary);
    if (status || !stream) fail(archive, "cannot be opened");

    std::vector<TarMember> members;
    std::string long_name;
    std::optional<std::uint64_t> long_size;
    Block block;
    std::uint64_t at = 0;
    while (at + block_size <= end) {
        stream.seekg(static_cast<std::streamoff>(at));
        if (!stream.read(block.data(), block_size)) fail(archive, "cannot be read");
        if (std::all_of(block.begin(), block.end(), [](char c) { return c == 0; })) return members;
        if (!checksum_is_right(block)) {
            fail(archive, fmt::format("is not an uncompressed tar file: no valid header at byte {}", at));
        }
        const char type = block[156];
        std::optional<std::uint64_t> size = number_field(block, 124, 12);
        if (!size) fail(archive, fmt::format("has a member without a size at byte {}", at));
        const bool describes_next = type == 'x' || type == 'g' || type == 'L' || type == 'K';
        if (!describes_next && long_size) size = long_size;
        at += block_size;
        if (*size > end - at) fail(archive, fmt::format("ends too early: its member at byte {} is not whole", at));

        if (describes_next) {
            if (*size > (1U << 20U)) fail(archive, fmt::format("has a header of {} bytes, more than 1 MiB", *size));
            std::string content(*size, '\0');
            if (!stream.read(content.data(), static_cast<std::streamsize>(*size))) fail(archive, "cannot be read");
            if (type == 'L') {
                long_name = content.substr(0, content.find('\0'));
            } else if (type == 'x') {
                if (auto path = pax_record(content, "path")) long_name = *path;
                if (auto bytes = pax_record(content, "size")) long_size = std::strtoull(bytes->c_str(), nullptr, 10);
            }
        } else {
            std::string name = long_name;
            if (name.empty()) {
                name = text_field(block, 0, 100);
                const std::string_view prefix = text_field(block, 345, 155);
                if (std::memcmp(block.data() + 257, "ustar\0", 6) == 0 && !prefix.empty()) {
                    name = std::string(prefix) + '/' + name;
                }
            }
            if (type == '0' || type == '\0' || type == '7') members.push_back({std::move(name), at, *size});
            long_name.clear();
            long_size.reset();
        }
        const std::uint64_t padded = (*size + block_size - 1) / block_size * block_size;
        at += std::min(padded, end - at);
    }
    return members;  // some writers leave out the two empty blocks at the end
}

}  // namespace locus::dataset
