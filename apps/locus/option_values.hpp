#pragma once

/// How the values of options are read, and options that several commands have.

#include <CLI/CLI.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace locus::command {

/// "a,b,c" as its parts; "" as none. An option that takes such a list is declared as one string: CLI11 counts the parts
/// as arguments and would swallow what stands behind them.
std::vector<std::string> split_list(const std::string& text);

/// The parts of all these lists, each once.
std::vector<std::string> split_lists(const std::vector<std::string>& lists);

/// For `transform`, of options whose values are words of a list: "RGB" and "Grad-CAM" are those words too.
CLI::Validator in_any_case();

/// Lets a whole number in this range pass. CLI11 itself takes -1 for the greatest of 64 bits, and the greatest for all
/// beyond.
CLI::Validator whole_number(std::uint64_t least = 0, std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

/// `--bits`, of photos of 16 bits a sample (image::DecodeOptions::sample_bits).
CLI::Option* add_sample_bits(CLI::App& app, int& bits);

/// `--input` and `--output`: the model's.
CLI::Option* add_image_input(CLI::App& app, std::string& input);
CLI::Option* add_score_output(CLI::App& app, std::string& output);

/// `--threads`; 0 where it is not given.
CLI::Option* add_threads(CLI::App& app, int& threads);

/// Lets an option be given again, with one value each time.
CLI::Option* repeatable(CLI::Option* option);

}  // namespace locus::command
