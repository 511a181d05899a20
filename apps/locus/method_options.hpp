#pragma once

/// The options of a method that subcommands share: the number explained, how layers are fused, smoothing, settings.

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "explain/method.hpp"
#include "locus/image.hpp"
#include "locus/tensor.hpp"

namespace locus::command {

struct MethodArguments {
    std::string target, target_mask, target_embedding, target_image, fuse, smooth, grid, channels;
    bool takes_image = true;  ///< whether the command has --target-image
    std::vector<std::string> settings;

    /// Options named in `without` ("--smooth") are left out.
    void add_to(CLI::App& command, const std::vector<std::string>& without = {});

    /// Keys and values as explain::set takes them. Throws Error(usage) for a --set without '='.
    std::vector<std::pair<std::string, std::string>> words() const;
    std::optional<Tensor> mask() const;                 ///< read from its file
    std::optional<Tensor> embedding() const;            ///< read from its file
    std::optional<Image> image(int sample_bits) const;  ///< likewise

    void apply(explain::MethodOptions& options) const;
};

}  // namespace locus::command
