#pragma once

/// The options by which a person says how photos become a network's input: --mean, --std, --size, --resize, ….

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"

namespace locus::command {

struct PreprocessingOptions {
    std::string mean, std, size, resize, color, layout;
    std::optional<float> crop_pct, range;
    std::string labels;  ///< file

    void add_to(CLI::App& app);

    /// Under which the help lists these options.
    static const char* const help_group;

    /// Changes what was asked for. Throws Error(usage).
    void apply(Preprocessing& preprocessing) const;

    /// `apply` as a function that keeps the options by reference.
    std::function<void(Preprocessing&)> change() const {
        return [this](Preprocessing& preprocessing) { apply(preprocessing); };
    }

    /// Names from --labels; empty where it was not given. Throws Error(io, usage).
    std::vector<std::string> read_labels() const;
};

}  // namespace locus::command
