#include "report/journal_line.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "report/report_html.hpp"
#include "report/results_json.hpp"
#include "text/base64.hpp"
#include "text/split.hpp"

namespace locus::report {
namespace {

constexpr std::string_view image_kind = "I", failure_kind = "F";

// FNV-1a (Fowler, Noll, Vo), eight bytes at a time.
std::uint64_t checksum(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    while (!bytes.empty()) {
        std::uint64_t word = 0;
        const std::size_t count = std::min(bytes.size(), sizeof word);
        std::memcpy(&word, bytes.data(), count);
        hash = (hash ^ word) * 0x100000001b3U;
        hash ^= hash >> 32U;  // multiplying carries upwards alone
        bytes.remove_prefix(count);
    }
    return hash;
}

std::string line_of(std::size_t index, std::string_view kind, const std::string& fields) {
    const std::string line = fmt::format("{}\t{}\t{}\t", index, kind, fields);
    return line + fmt::format("{:016x}", checksum(line));
}

}  // namespace

std::string journal_line(std::size_t index, const ImageRecord& record, std::span<const std::byte> preview,
                         bool wants_preview) {
    const std::string shown = wants_preview ? report_maps(record) + '\t' + text::base64(preview) : "\t";
    return line_of(index, image_kind, image_json(record) + '\t' + shown);
}

std::string journal_line(std::size_t index, const Failure& failure) {
    return line_of(index, failure_kind, failure_json(failure));
}

std::optional<JournalLine> read_journal_line(std::string_view line) {
    const std::string_view content = line.substr(0, line.rfind('\t') + 1);  // nothing where there is no tab
    if (line.substr(content.size()) != fmt::format("{:016x}", checksum(content))) return std::nullopt;
    const std::vector<std::string_view> fields =
        text::split(content, '\t');  // the last is what follows the last tab: ""
    const bool is_image = fields.size() == 6 && fields[1] == image_kind;
    const bool is_failure = fields.size() == 4 && fields[1] == failure_kind;
    if (!is_image && !is_failure) return std::nullopt;
    JournalLine read{.index = 0, .is_failure = is_failure, .json = std::string(fields[2]), .maps = {}, .preview = {}};
    const std::string_view number = fields[0];
    if (std::from_chars(number.data(), number.data() + number.size(), read.index).ec != std::errc())
        return std::nullopt;
    if (is_image) {
        read.maps = fields[3];
        read.preview = fields[4];
    }
    return read;
}

}  // namespace locus::report
