#include "usage_errors.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::command {
namespace {

/// What to say of arguments that the command does not know.
std::string unknown_argument(const CLI::App& command, const std::string& name) {
    const std::vector<std::string> extras = command.remaining();
    if (extras.empty()) return {};
    const auto option = std::find_if(extras.begin(), extras.end(),
                                     [](const std::string& word) { return word.size() > 1 && word[0] == '-'; });
    if (option == extras.end())
        return fmt::format("`{0}` has no use for {1}: `{0} --help` says what it takes", name,
                           text::quote(extras.front()));
    const std::string given = option->substr(0, option->find('='));
    if ((given == "-m" || given == "--model") && command.get_option_no_throw("MODEL") != nullptr)
        return fmt::format("`{0}` has no option {1}: the model stands by itself, `{0} MODEL.onnx`", name, given);
    std::vector<std::string> known;
    for (const CLI::Option* candidate : command.get_options()) {
        for (const std::string& word : candidate->get_lnames()) known.push_back("--" + word);
    }
    return fmt::format("`{}` has no option {}{}", name, text::quote(given), text::did_you_mean(given, known, 1));
}

/// What to say of an option of one value that has several; empty where there is none.
std::string repeated_option(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        if (option->get_positional() || option->get_items_expected_max() != 1 || option->count() < 2) continue;
        const std::string name = option->get_name();
        const std::string times = option->count() == 2 ? "twice" : fmt::format("{} times", option->count());
        if (option->get_type_name() != "LIST") return fmt::format("{} is given {}: it takes one value", name, times);
        return fmt::format("{0} is given {1}: join with a comma, {0} {2}", name, times,
                           text::printable(fmt::format("{}", fmt::join(option->results(), ","))));
    }
    return {};
}

/// What to say of an option whose value is missing, or is no number; empty where CLI11 said something else. Its
/// sentences name the option: "--steps: 1 required INT missing", "Could not convert: --steps = x".
std::string unreadable_value(const CLI::App& command, const std::string& sentence) {
    constexpr std::string_view no_number = "Could not convert: ";
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_name();
        if (sentence.starts_with(name + ": 1 required")) {
            const std::string type = option->get_type_name();
            return fmt::format("{} needs a value{}", name,
                               type.empty() ? "" : ": " + name + ' ' + type.substr(0, type.find(':')));
        }
        if (sentence.starts_with(std::string(no_number) + name + " = "))
            return fmt::format("{} takes a number, not {}", name,
                               text::quote(sentence.substr(no_number.size() + name.size() + 3)));
    }
    return {};
}

}  // namespace

std::string usage_sentence(const CLI::App& command, const std::string& name, const CLI::ParseError& error) {
    std::string sentence;
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) sentence = unknown_argument(command, name);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) sentence = repeated_option(command);
    if (sentence.empty()) sentence = unreadable_value(command, error.what());
    return sentence.empty() ? error.what() : sentence;
}

void refuse_empty_values(CLI::App& command) {
    for (CLI::Option* option : command.get_options()) {
        if (option->get_lnames().empty() || option->get_items_expected_max() == 0) continue;
        option->check([](const std::string& value) { return value.empty() ? "its value is empty" : ""; }, "", "");
    }
}

}  // namespace locus::command
