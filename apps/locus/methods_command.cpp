/// `locus methods`: the methods, what each costs and needs, and where it comes from.

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "explain/method.hpp"

namespace locus::command {
namespace {

const char* name(explain::FinalMap final_map) { return final_map == explain::FinalMap::relu ? "relu" : "min-max"; }

void print_json() {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const explain::Method& method : explain::methods()) {
        list.push_back({{"name", method.name},
                        {"summary", method.summary},
                        {"cost", method.cost},
                        {"needs", method.needs},
                        {"final_map", name(method.final_map)},
                        {"exportable", method.nodes != nullptr},
                        {"shares_pass", method.plan != nullptr},
                        {"eigen_smoothing", method.weighs_channels},
                        {"settings", method.settings},
                        {"source", method.source}});
    }
    fmt::print("{}\n", list.dump(2));
}

void print_table() {
    std::size_t names = 0;
    for (const explain::Method& method : explain::methods()) names = std::max(names, method.name.size());
    for (const explain::Method& method : explain::methods()) {
        const std::string indent(names + 2, ' ');
        fmt::print("{:<{}}  {}\n", method.name, names, method.summary);
        const std::string settings =
            method.settings.empty() ? "" : fmt::format("; --set {}", fmt::join(method.settings, ", "));
        fmt::print("{}cost: {}; needs: {}; final map: {}{}{}\n", indent, method.cost, method.needs,
                   name(method.final_map), settings, method.nodes != nullptr ? "; can be exported" : "");
        fmt::print("{}{}\n", indent, method.source);
    }
    fmt::print(
        "\nThe method `auto` is cam where the head allows it, else hires-cam, else (an operator without a derivative) "
        "occlusion.\n");
}

}  // namespace

void add_methods(CLI::App& app) {
    auto json = std::make_shared<bool>(false);
    CLI::App& command = *app.add_subcommand("methods", "List the methods: cost, needs, final map, source");
    command.footer(
        "Costs are in passes of the network an image; a backward pass costs about two forward ones of the part behind "
        "the layer.\n"
        "Final map: relu shows what speaks for the class, min-max all of a map that has no meaningful zero.");
    command.add_flag("--json", *json, "For machines");
    command.callback([json] { *json ? print_json() : print_table(); });
}

}  // namespace locus::command
