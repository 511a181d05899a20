#include "option_values.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "text/quote.hpp"
#include "text/split.hpp"

namespace locus::command {

std::vector<std::string> split_list(const std::string& text) {
    if (text.empty()) return {};
    const std::vector<std::string_view> parts = text::split(text, ',');
    return {parts.begin(), parts.end()};
}

std::vector<std::string> split_lists(const std::vector<std::string>& lists) {
    std::vector<std::string> parts;
    for (const std::string& list : lists) {
        for (std::string& part : split_list(list)) {
            if (std::ranges::find(parts, part) == parts.end()) parts.push_back(std::move(part));
        }
    }
    return parts;
}

CLI::Validator in_any_case() {
    return {[](std::string& text) {
                for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
                return std::string();
            },
            "", "any case"};
}

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
    return {[least, most](const std::string& text) -> std::string {
                std::uint64_t value = 0;
                const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
                if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most)
                    return {};
                return fmt::format("it takes a whole number from {} to {}, not {}", least, most, text::quote(text));
            },
            "", "whole number"};
}

CLI::Option* add_sample_bits(CLI::App& app, int& bits) {
    return app
        .add_option("--bits", bits,
                    "Bits that the samples of 16-bit PNG and TIFF photos use: 12 where white is 4095 (default: as the "
                    "file says, else 16)")
        ->check(CLI::Range(8, 16))
        ->type_name("N");
}

CLI::Option* add_image_input(CLI::App& app, std::string& input) {
    return app.add_option("-i,--input", input, "The model's image input (default: found)")->type_name("NAME");
}

CLI::Option* add_score_output(CLI::App& app, std::string& output) {
    return app.add_option("--output", output, "The model's score output, or a tensor inside it (default: found)")
        ->type_name("NAME");
}

CLI::Option* add_threads(CLI::App& app, int& threads) {
    return app.add_option("-j,--threads", threads, "Threads (default: one a core; at most eight a core)")
        ->check(CLI::Range(1, 4096))
        ->type_name("N");
}

CLI::Option* repeatable(CLI::Option* option) { return option->expected(1)->allow_extra_args(false)->take_all(); }

}  // namespace locus::command
