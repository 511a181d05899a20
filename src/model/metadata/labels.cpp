#include "model/metadata/labels.hpp"
#include "model/metadata/shallow_json.hpp"

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using nlohmann::json;
using text::quote;

/// No classifier comes near; a wrong index must not fill the memory.
constexpr std::size_t most_labels = 1'000'000;
constexpr std::uintmax_t largest_file = 256 << 20;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::usage, why); }

std::optional<std::size_t> index_of(std::string_view key) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
    return index;
}

std::string label_of(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array() && !value.empty() && value.back().is_string()) return value.back().get<std::string>();
    refuse(fmt::format("a label is {}, which is not text",
                       quote(value.dump(-1, ' ', false, json::error_handler_t::replace), 60)));
}

/// A list, an object of index to label or of label to index, or a config.json of Hugging Face with such an object.
std::vector<std::string> labels_of(const json& parsed) {
    if (parsed.is_object() && parsed.contains("id2label")) return labels_of(parsed["id2label"]);
    std::vector<std::string> labels;
    const auto set = [&](std::size_t index, const std::string& label) {
        if (index >= most_labels)
            refuse(fmt::format("label {} has index {}, more than any classifier", quote(label), index));
        if (index >= labels.size()) labels.resize(index + 1);
        labels[index] = label;
    };
    if (parsed.is_array()) {
        for (const json& value : parsed) labels.push_back(label_of(value));
    } else if (parsed.is_object()) {
        for (const auto& [key, value] : parsed.items()) {
            if (value.is_number_unsigned()) {
                set(value.get<std::size_t>(), key);
            } else if (const auto index = index_of(key)) {
                set(*index, label_of(value));
            } else {
                refuse(fmt::format("{} is not the index of a class", quote(key)));
            }
        }
    } else {
        refuse("the JSON is neither a list of labels nor an object of index to label");
    }
    return labels;
}

/// Lines end with \n, \r\n or, in a file without any \n, \r.
std::vector<std::string> lines_of(std::string_view text) {
    const char end_of_line = text.find('\n') == std::string_view::npos ? '\r' : '\n';
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find(end_of_line);
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.emplace_back(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    while (!lines.empty() && lines.back().find_first_not_of(" \t") == std::string::npos) lines.pop_back();
    return lines;
}

}  // namespace

std::vector<std::string> parse_labels(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        refuse("the labels are UTF-16 text; save them as UTF-8");
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    if (text.find('\0') != std::string_view::npos) refuse("the labels are not text");

    std::vector<std::string> labels;
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const bool may_be_json = first != std::string_view::npos && (text[first] == '[' || text[first] == '{');
    const json parsed = may_be_json ? parse_shallow_json(text) : json(json::value_t::discarded);
    // A list of labels may begin with a bracket and not be JSON.
    labels = parsed.is_discarded() ? lines_of(text) : labels_of(parsed);
    if (labels.empty()) refuse("there are no labels");
    if (labels.size() > most_labels)
        refuse(fmt::format("there are {} labels, more than any classifier has", labels.size()));
    return labels;
}

std::vector<std::string> read_labels(const std::filesystem::path& file) {
    const std::string shown = quote(file.string());
    std::error_code failed;
    if (!std::filesystem::exists(file, failed))
        throw Error(ErrorKind::io, fmt::format("there is no label file {}", shown));
    if (std::filesystem::is_directory(file, failed))
        throw Error(ErrorKind::io, fmt::format("{} is a folder, not a label file", shown));
    const std::uintmax_t size = std::filesystem::file_size(file, failed);
    if (!failed && size > largest_file) refuse(fmt::format("{} is too large to be a list of labels", shown));
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot read the labels {}", shown));
    if (file.extension() == ".json" &&
        !json::accept(text.begin() + (text.starts_with("\xef\xbb\xbf") ? 3 : 0), text.end())) {
        refuse(fmt::format("the label file {} is not valid JSON", shown));
    }
    try {
        return parse_labels(text);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("the label file {} cannot be used: {}", shown, error.what()));
    }
}

}  // namespace locus::model
