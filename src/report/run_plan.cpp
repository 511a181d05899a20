#include "report/run_plan.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "text/utf8.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int journal_version = 2;

}  // namespace

std::string settings_json(const RunPlan& plan) {
    Json settings = Json::array();
    for (const auto& [name, value] : plan.settings) settings.push_back({text::to_utf8(name), text::to_utf8(value)});
    return Json{{"journal", journal_version}, {"locus", LOCUS_VERSION}, {"inputs", plan.inputs},
                {"boxes", plan.boxes},        {"report", plan.report},  {"settings", std::move(settings)}}
        .dump();
}

std::string differences(const std::string& before, const RunPlan& plan) {
    const Json was = Json::parse(before, nullptr, false);
    const Json is = Json::parse(settings_json(plan));
    if (!was.is_object() || !was.contains("settings") || !was["settings"].is_array())
        return "what it was begun with cannot be read";
    if (was == is) return "";
    std::string found;
    const auto add = [&](const std::string& difference) { found += (found.empty() ? "" : ", and ") + difference; };
    const auto value_in = [](const Json& object, const Json& name) -> std::string {
        for (const Json& pair : object["settings"])
            if (pair.is_array() && pair.size() == 2 && pair[0] == name && pair[1].is_string())
                return pair[1].get<std::string>();
        return "";
    };
    for (const Json& pair : is["settings"]) {
        const std::string name = pair[0].get<std::string>(), now = pair[1].get<std::string>();
        const std::string then = value_in(was, pair[0]);
        if (now == then) continue;
        // Digests and long lists say nothing to a reader.
        if (now.size() + then.size() > 100)
            add(name + " has changed");
        else
            add(fmt::format("{} is {} and was {}", name, now.empty() ? "not given" : now,
                            then.empty() ? "not given" : then));
    }
    for (const Json& pair : was["settings"])
        if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && !value_in(was, pair[0]).empty() &&
            value_in(is, pair[0]).empty() &&
            std::none_of(is["settings"].begin(), is["settings"].end(),
                         [&](const Json& other) { return other[0] == pair[0]; }))
            add(pair[0].get<std::string>() + " is no longer given");
    if (found.empty() && was.value("inputs", Json()) != is["inputs"])
        add(fmt::format("there are {} inputs and were {}", is["inputs"].dump(), was.value("inputs", Json()).dump()));
    if (found.empty() && was.value("locus", Json()) != is["locus"]) add("it was begun by another version of Locus");
    return found.empty() ? "its outputs are others" : found;
}

}  // namespace locus::report
