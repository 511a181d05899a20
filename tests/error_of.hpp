#pragma once

/// What an action's locus::Error says, as "kind: sentence"; "" where it throws none.
///
///     EXPECT_THAT(error_of([] { model::parse({}); }), HasSubstr("model: "));

#include <string>

#include "locus/error.hpp"

namespace locus::test {

template <class Action> std::string error_of(Action action) {
    static constexpr const char* kinds[] = {"usage", "model", "image", "io", "unsupported", "resource"};
    try {
        action();
    } catch (const Error& error) {
        return std::string(kinds[static_cast<int>(error.kind())]) + ": " + error.what();
    }
    return "";
}

}  // namespace locus::test
