#include "report/utf8.hpp"

#include "text/utf8.hpp"

namespace locus::report {

std::string to_utf8(std::string_view bytes) {
    std::string result;
    result.reserve(bytes.size());
    while (!bytes.empty()) {
        const auto character = text::first_character(bytes);
        const std::string_view first = bytes.substr(0, character ? character->length : 1);
        if (character)
            result += first;
        else
            result += text::escaped(first.front());
        bytes.remove_prefix(first.size());
    }
    return result;
}

}  // namespace locus::report
