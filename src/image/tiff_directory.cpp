#include "image/tiff_directory.hpp"

#include "image/byte_reader.hpp"
#include "image/header.hpp"

namespace locus::image {
namespace {

bool is_wanted(TiffTag tag) {
    switch (tag) {
        case TiffTag::width:
        case TiffTag::height:
        case TiffTag::strip_offsets:
        case TiffTag::orientation:
        case TiffTag::strip_byte_counts:
        case TiffTag::tile_offsets:
        case TiffTag::tile_byte_counts:
            return true;
    }
    return false;
}

/// Bytes a value of a whole-number type takes; 0 for other types.
unsigned bytes_of_type(std::uint64_t type) {
    switch (type) {
        case 1:
            return 1;  // BYTE
        case 3:
            return 2;  // SHORT
        case 4:
            return 4;  // LONG
        case 16:
            return 8;  // LONG8 (BigTIFF)
        default:
            return 0;
    }
}

}  // namespace

/// Of one entry: strips and tiles of the largest picture are fewer, and a directory that claims more must not fill the
/// memory.
constexpr std::uint64_t most_values = std::uint64_t{1} << 24;

TiffDirectory read_tiff_directory(std::span<const std::byte> bytes) {
    const bool big_endian = ByteReader(bytes, true).says(0, "MM");
    const ByteReader reader(bytes, big_endian);
    if (!big_endian && !reader.says(0, "II")) return {};
    const std::uint64_t version = reader.u16(2);
    if (version != 42 && version != 43) return {};

    // Classic: 4-byte offsets, 12-byte entries. BigTIFF: 8-byte offsets and counts, 20-byte entries.
    const bool is_big = version == 43;
    const unsigned offset_bytes = is_big ? 8 : 4;
    const std::uint64_t directory = reader.number(is_big ? 8 : 4, offset_bytes);
    const unsigned count_bytes = is_big ? 8 : 2;
    const std::uint64_t count = reader.number(directory, count_bytes);
    const std::uint64_t entry_bytes = is_big ? 20 : 12;
    if (count > reader.size() / entry_bytes) throw EndOfBytes{};

    TiffDirectory entries;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t entry = directory + count_bytes + i * entry_bytes;
        const auto tag = static_cast<TiffTag>(reader.u16(entry));
        const unsigned bytes_per_value = bytes_of_type(reader.u16(entry + 2));
        if (!is_wanted(tag) || bytes_per_value == 0 || entries.contains(tag)) continue;
        const std::uint64_t values = reader.number(entry + 4, offset_bytes);
        if (values > most_values) throw EndOfBytes{};
        const std::uint64_t value_field = entry + 4 + offset_bytes;
        // Values stand in the entry itself where they fit.
        const std::uint64_t where =
            values * bytes_per_value <= offset_bytes ? value_field : reader.number(value_field, offset_bytes);
        if (!reader.has(where, values * bytes_per_value)) throw EndOfBytes{};
        std::vector<std::uint64_t>& target = entries[tag];
        target.reserve(values);
        for (std::uint64_t k = 0; k < values; ++k) {
            target.push_back(reader.number(where + k * bytes_per_value, bytes_per_value));
        }
    }
    return entries;
}

int exif_orientation(std::span<const std::byte> tiff) {
    try {
        const TiffDirectory entries = read_tiff_directory(tiff);
        const auto found = entries.find(TiffTag::orientation);
        if (found == entries.end() || found->second.empty()) return 1;
        const std::uint64_t value = found->second.front();
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    } catch (const EndOfBytes&) {
        return 1;
    }
}

}  // namespace locus::image
