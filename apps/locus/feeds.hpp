#pragma once

/// `--feed NAME=FILE.npy`: values for a model's inputs beside the image, which become constants.
///
///     add_feeds(command, arguments.feeds);
///     explain::load_network(file, {.feeds = read_feeds(arguments.feeds)});

#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "locus/tensor.hpp"

namespace locus::command {

CLI::Option* add_feeds(CLI::App& app, std::vector<std::string>& feeds);

/// The files' values, by input. Throws Error(usage) for what is not NAME=FILE.npy and for numbers that are not finite,
/// and what files::read_npy throws.
std::vector<std::pair<std::string, Tensor>> read_feeds(const std::vector<std::string>& feeds);

}  // namespace locus::command
