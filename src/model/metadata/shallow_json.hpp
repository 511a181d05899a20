#pragma once

/// JSON out of files that anybody may have written.

#include <string_view>

#include <nlohmann/json.hpp>

namespace locus::model {

/// What was parsed; discarded where it is not JSON, or is nested deeper than any list of labels or settings: copying
/// and writing such values calls itself for every level.
inline nlohmann::json parse_shallow_json(std::string_view text) {
    using nlohmann::json;
    constexpr int deepest = 64;
    struct TooDeep {};
    const auto keep = [](int depth, json::parse_event_t, json&) {
        if (depth > deepest) throw TooDeep{};
        return true;
    };
    try {
        return json::parse(text, keep, false);
    } catch (const TooDeep&) {
        return json(json::value_t::discarded);
    }
}

}  // namespace locus::model
