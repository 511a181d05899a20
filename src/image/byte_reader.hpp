#pragma once

/// Numbers at offsets of a file in memory, never beyond its end.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace locus::image {

/// Thrown by ByteReader; who reads a header turns it into an Error that names the file.
struct EndOfBytes {};

class ByteReader {
public:
    ByteReader(std::span<const std::byte> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

    std::uint64_t size() const { return bytes_.size(); }
    bool has(std::uint64_t offset, std::uint64_t count) const {
        return offset <= bytes_.size() && count <= bytes_.size() - offset;
    }

    /// The unsigned number in `count` (1 ... 8) bytes; throws EndOfBytes.
    std::uint64_t number(std::uint64_t offset, unsigned count) const {
        if (!has(offset, count)) throw EndOfBytes{};
        std::uint64_t value = 0;
        for (unsigned i = 0; i < count; ++i) {
            value = value << 8U | std::to_integer<std::uint64_t>(bytes_[offset + (big_endian_ ? i : count - 1 - i)]);
        }
        return value;
    }
    std::uint64_t u8(std::uint64_t offset) const { return number(offset, 1); }
    std::uint64_t u16(std::uint64_t offset) const { return number(offset, 2); }
    std::uint64_t u32(std::uint64_t offset) const { return number(offset, 4); }

    /// Whether these characters stand at the offset; false beyond the end.
    bool says(std::uint64_t offset, std::string_view text) const {
        if (!has(offset, text.size())) return false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (std::to_integer<unsigned char>(bytes_[offset + i]) != static_cast<unsigned char>(text[i])) return false;
        }
        return true;
    }

    /// Bytes from `offset` on; throws EndOfBytes where there are fewer than `count`.
    std::span<const std::byte> block(std::uint64_t offset, std::uint64_t count) const {
        if (!has(offset, count)) throw EndOfBytes{};
        return bytes_.subspan(offset, count);
    }

private:
    std::span<const std::byte> bytes_;
    bool big_endian_;
};

}  // namespace locus::image
