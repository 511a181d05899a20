#pragma once

/// Just enough XML to read annotations: elements, text, the five named entities and CDATA sections, whose content is
/// text as it stands there. Attributes, comments and declarations are passed over.
///
///     evaluate::XmlElement root = evaluate::parse_xml(text);      // <annotation>
///     root.child("size")->text_of("width");                       // "500"

#include <string>
#include <string_view>
#include <vector>

namespace locus::evaluate {

struct XmlElement {
    std::string name;
    std::string text;  ///< of this element itself, white space trimmed
    std::vector<XmlElement> children;

    /// The first child of this name, nullptr where there is none.
    const XmlElement* child(std::string_view name) const;
    /// Text of the first child of this name, empty where there is none.
    std::string text_of(std::string_view name) const;
};

/// The root element. Throws Error(io) where tags do not close each other, nest more than 64 deep, or there is no
/// element.
XmlElement parse_xml(std::string_view text);

}  // namespace locus::evaluate
