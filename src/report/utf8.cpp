#include "report/utf8.hpp"

namespace locus::report {
namespace {

// Length of the valid sequence at the start of `bytes`, 0 where there is none. The ranges are those of RFC 3629, section 4.
std::size_t sequence_length(std::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const auto within = [&](std::size_t i, unsigned low, unsigned high) {
        return i < bytes.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return within(1, 0x80, 0xBF) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // shorter forms exist below
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // surrogates lie above
        return within(1, low, high) && within(2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;  // U+10FFFF is the last
        return within(1, low, high) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::string to_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        std::size_t length = sequence_length(bytes);
        if (length > 0) {
            text.append(bytes.substr(0, length));
        } else {
            constexpr char digits[] = "0123456789ABCDEF";
            const auto value = static_cast<unsigned char>(bytes[0]);
            text.append({'\\', 'x', digits[value >> 4], digits[value & 15]});
            length = 1;
        }
        bytes.remove_prefix(length);
    }
    return text;
}

}  // namespace locus::report
