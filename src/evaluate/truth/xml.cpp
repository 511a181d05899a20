#include "evaluate/truth/xml.hpp"

#include <array>
#include <utility>

#include <fmt/core.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

constexpr std::string_view white_space = " \t\r\n";

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(white_space);
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

void append_unescaped(std::string& target, std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, char>, 5> entities{
        {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}}};
    for (std::size_t i = 0; i < text.size();) {
        bool replaced = false;
        for (const auto& [entity, character] : entities) {
            if (!text.substr(i).starts_with(entity)) continue;
            target += character;
            i += entity.size();
            replaced = true;
            break;
        }
        if (!replaced) target += text[i++];
    }
}

[[noreturn]] void fail(const std::string& why) {
    throw Error(ErrorKind::io, fmt::format("this is no well-formed XML: {}", why));
}

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
    for (const XmlElement& element : children) {
        if (element.name == wanted) return &element;
    }
    return nullptr;
}

std::string XmlElement::text_of(std::string_view wanted) const {
    const XmlElement* element = child(wanted);
    return element == nullptr ? std::string() : element->text;
}

XmlElement parse_xml(std::string_view text) {
    constexpr std::size_t deepest = 64;
    constexpr std::string_view cdata = "<![CDATA[";
    XmlElement document;
    std::vector<XmlElement> open;  // from the root inwards
    const auto close = [&] {
        XmlElement element = std::move(open.back());
        open.pop_back();
        element.text = trimmed(element.text);
        (open.empty() ? document : open.back()).children.push_back(std::move(element));
    };
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t tag = text.find('<', at);
        if (!open.empty()) append_unescaped(open.back().text, text.substr(at, tag - at));
        if (tag == std::string_view::npos) break;
        const std::string_view rest = text.substr(tag);
        const auto skip_past = [&](std::string_view end) {
            const std::size_t found = rest.find(end);
            if (found == std::string_view::npos) fail(fmt::format("'{}' is missing", end));
            at = tag + found + end.size();
        };
        if (rest.starts_with("<!--")) {
            skip_past("-->");
        } else if (rest.starts_with(cdata)) {
            skip_past("]]>");
            if (!open.empty()) open.back().text += text.substr(tag + cdata.size(), at - tag - cdata.size() - 3);
        } else if (rest.starts_with("<?") || rest.starts_with("<!")) {
            skip_past(">");
        } else {
            skip_past(">");
            std::string_view inside = text.substr(tag + 1, at - tag - 2);
            if (inside.starts_with('/')) {
                inside.remove_prefix(1);
                const std::string_view name = inside.substr(0, inside.find_last_not_of(white_space) + 1);
                if (open.empty() || open.back().name != name)
                    fail(fmt::format("</{}> closes nothing", text::quote(name)));
                close();
            } else {
                const bool is_empty = inside.ends_with('/');
                if (is_empty) inside.remove_suffix(1);
                if (open.size() == deepest) fail(fmt::format("elements nest more than {} deep", deepest));
                open.push_back({std::string(inside.substr(0, inside.find_first_of(white_space))), {}, {}});
                if (is_empty) close();
            }
        }
    }
    if (!open.empty()) fail(fmt::format("<{}> is not closed", text::quote(open.back().name)));
    if (document.children.empty()) fail("there is no element");
    return std::move(document.children.front());
}

}  // namespace locus::evaluate
