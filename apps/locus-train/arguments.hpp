#pragma once

/// The options of `locus train`.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "train/options.hpp"

namespace locus::command {

class Arguments {
public:
    /// Must outlive the parsing.
    void add_to(CLI::App& app);

    /// What was asked for. Throws Error(usage).
    train::TrainOptions options() const;

private:
    void add_data_options(CLI::App& app);
    void add_network_options(CLI::App& app);
    void add_step_options(CLI::App& app);
    void add_optimizer_options(CLI::App& app);
    void add_regularisation_options(CLI::App& app);
    void add_run_options(CLI::App& app);

    train::TrainOptions options_;
    std::vector<const CLI::Option*> without_use_for_trunk_;  ///< of `--freeze trunk`
    std::string sizes_, optimizer_ = "sgd", schedule_ = "one-cycle", freeze_, precision_ = "float32";
};

}  // namespace locus::command
