#include "text/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "text/quote.hpp"

namespace locus::text {
namespace {

/// Names longer than this are compared by their beginnings, so that no file can make a suggestion expensive.
constexpr std::size_t compared = 256;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view part) {
    if (part.empty()) return false;
    return std::search(text.begin(), text.end(), part.begin(), part.end(),
                       [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates, std::size_t count) {
    struct Rated {
        bool contained;
        std::size_t distance;
        const std::string* text;
    };
    std::vector<Rated> rated;
    std::unordered_set<std::string_view> seen;
    const std::string_view start = name.substr(0, compared);
    for (const std::string& candidate : candidates) {
        if (!seen.insert(candidate).second) continue;
        const std::string_view beginning = std::string_view(candidate).substr(0, compared);
        rated.push_back({contains(beginning, start), edit_distance(start, beginning), &candidate});
    }
    std::stable_sort(rated.begin(), rated.end(), [](const Rated& a, const Rated& b) {
        return a.contained != b.contained ? a.contained : a.distance < b.distance;
    });
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(count, rated.size()); ++i) names.push_back(*rated[i].text);
    return names;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates, std::size_t count) {
    const std::vector<std::string> names = nearest(name, candidates, count);
    if (names.empty()) return "";
    std::string sentence = "; did you mean ";
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) sentence += i + 1 == names.size() ? " or " : ", ";
        sentence += quote(names[i]);
    }
    return sentence + "?";
}

}  // namespace locus::text
