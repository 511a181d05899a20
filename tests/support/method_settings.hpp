#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "explain/method.hpp"

namespace locus::test {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Of these settings those that the method takes: the others are refused.
inline Settings settings_for(const explain::Method& method, Settings settings) {
    std::erase_if(settings, [&](const auto& setting) {
        return std::find(method.settings.begin(), method.settings.end(), setting.first) == method.settings.end();
    });
    return settings;
}

}  // namespace locus::test
