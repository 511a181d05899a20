#include "text/label_names.hpp"

#include <algorithm>
#include <cctype>

#include "text/split.hpp"

namespace locus::text {

std::string folded(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::vector<std::string> label_names(std::string_view label) {
    std::vector<std::string> names;
    for (const std::string_view part : split(label, ',')) names.push_back(folded(part));
    return names;
}

std::string short_name(const std::vector<std::string>& labels, std::size_t index) {
    if (index >= labels.size()) return {};
    const std::string& label = labels[index];
    const std::string_view first = split(label, ',').front();
    if (first.size() == label.size()) return label;
    const auto begins_so = [&](std::string_view other) {
        return other.starts_with(first) && (other.size() == first.size() || other[first.size()] == ',');
    };
    return std::ranges::count_if(labels, begins_so) > 1 ? label : std::string(first);
}

}  // namespace locus::text
