#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "locus/explainer.hpp"
#include "text/label_names.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"
#include "text/split.hpp"

namespace locus {
namespace {

/// As a sentence shows it: a whole file may have been taken for a request.
std::string quoted(const std::string& request) { return text::quote(request, 80); }

std::optional<int> whole_number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Throws Error(usage), saying what to write, where several classes stand for one: "251,252", "top:2,tabby".
void require_one(const std::string& request, const std::vector<std::string>& labels) {
    const auto parts = text::split(request, ',');
    if (parts.size() < 2) return;
    constexpr std::size_t shown = 8;
    std::string options;
    for (std::size_t i = 0; i < std::min(shown, parts.size()); ++i) {
        const std::string_view part = parts[i];
        try {
            ClassRequest::parse(std::string(part), labels);
        } catch (const Error&) {
            return;
        }
        const bool needs_quotes = part.find_first_of(" '") != std::string_view::npos;
        options += needs_quotes ? fmt::format(" -c \"{}\"", part) : fmt::format(" -c {}", part);
    }
    if (parts.size() > shown) options += " …";
    throw Error(ErrorKind::usage, fmt::format("{} is no class, but several: write{}", quoted(request), options));
}

}  // namespace

ClassRequest ClassRequest::parse(const std::string& request, const std::vector<std::string>& labels) {
    if (request.find_first_not_of(" \t\r\n") == std::string::npos)
        throw Error(ErrorKind::usage, "no class is named: give an index, a label or top:5, say");
    if (request.starts_with("top:")) {
        const auto k = whole_number(std::string_view(request).substr(4));
        if (!k || *k < 1) {
            require_one(request, labels);
            throw Error(ErrorKind::usage,
                        fmt::format("{} is not a number of best classes: write top:5, say", quoted(request)));
        }
        return top(*k);
    }
    if (const auto index = whole_number(request)) {
        if (*index < 0)
            throw Error(ErrorKind::usage, fmt::format("class {} is out of range: classes count from 0", *index));
        return at(*index);
    }
    if (labels.empty()) {
        require_one(request, labels);
        throw Error(
            ErrorKind::usage,
            fmt::format("class {}: the model has no labels; give an index, or names with --labels", quoted(request)));
    }
    const std::string wanted = text::folded(request);
    std::vector<int> whole, part;
    std::vector<std::string> known;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto names = text::label_names(labels[i]);
        if (text::folded(labels[i]) == wanted) whole.push_back(static_cast<int>(i));
        if (std::find(names.begin(), names.end(), wanted) != names.end()) part.push_back(static_cast<int>(i));
        known.insert(known.end(), names.begin(), names.end());
    }
    const auto& found = whole.empty() ? part : whole;
    if (found.size() == 1) return at(found.front());
    if (found.size() > 1) {
        std::vector<std::string> which;
        for (const int index : found)
            which.push_back(fmt::format("{} ({})", index, labels[static_cast<std::size_t>(index)]));
        throw Error(ErrorKind::usage, fmt::format("{} names several classes: {}; give one of these indices",
                                                  quoted(request), fmt::join(which, ", ")));
    }
    require_one(request, labels);
    throw Error(ErrorKind::usage,
                fmt::format("the model has no class {}{}", quoted(request), text::did_you_mean(wanted, known)));
}

}  // namespace locus
