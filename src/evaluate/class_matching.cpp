#include "evaluate/class_matching.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "text/label_names.hpp"

namespace locus::evaluate {
namespace {

std::set<std::string> words_in(const std::string& name) {
    std::set<std::string> words;
    std::string word;
    for (const char c : name + ' ') {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            word += c;
        } else if (!word.empty()) {
            words.insert(std::move(word));
            word.clear();
        }
    }
    return words;
}

bool contains(const std::set<std::string>& all, const std::set<std::string>& part) {
    return !part.empty() && std::includes(all.begin(), all.end(), part.begin(), part.end());
}

std::optional<int> number_in(const std::string& key, std::int64_t outputs) {
    int number = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
    const bool is_number = error == std::errc() && end == key.data() + key.size();
    return is_number && number >= 0 && number < outputs ? std::optional(number) : std::nullopt;
}

}  // namespace

ClassMatch match_classes(const dataset::ClassList& classes, const std::vector<std::string>& labels,
                         std::int64_t outputs) {
    std::vector<std::vector<std::string>> names;
    if (static_cast<std::int64_t>(labels.size()) == outputs) {
        for (const std::string& label : labels) names.push_back(text::label_names(label));
    }
    const auto only = [&](const auto& fits) -> std::optional<int> {
        std::optional<int> found;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!std::any_of(names[i].begin(), names[i].end(), fits)) continue;
            if (found) return std::nullopt;
            found = static_cast<int>(i);
        }
        return found;
    };
    ClassMatch match;
    bool any = false;
    for (const dataset::ClassEntry& entry : classes.entries) {
        const std::string key = text::folded(entry.key), name = text::folded(entry.name);
        std::optional<int> output = only([&](const std::string& n) { return n == key; });
        if (!output) output = only([&](const std::string& n) { return n == name; });
        // "alligator" is the "American alligator" and not the "alligator lizard": what a thing is comes last.
        if (!output) output = only([&](const std::string& n) { return n.ends_with(' ' + name); });
        const std::set<std::string> words = words_in(name);
        if (!output) output = only([&](const std::string& n) { return contains(words_in(n), words); });
        if (!output) output = only([&](const std::string& n) { return contains(words, words_in(n)); });
        any = any || output;
        match.outputs.push_back(output);
    }
    match.how = "by name";
    if (!any) {  // labels that are numbers are the outputs' own
        std::vector<std::optional<int>> numbers;
        for (const dataset::ClassEntry& entry : classes.entries) numbers.push_back(number_in(entry.key, outputs));
        if (std::all_of(numbers.begin(), numbers.end(), [](const auto& number) { return number.has_value(); })) {
            match.outputs = std::move(numbers);
            match.how = "by number";
            return match;
        }
    }
    if (!any && static_cast<std::int64_t>(classes.entries.size()) == outputs) {
        match.how = "by number, as there are as many";
        for (std::size_t i = 0; i < match.outputs.size(); ++i) match.outputs[i] = static_cast<int>(i);
    }
    return match;
}

}  // namespace locus::evaluate
