#pragma once

/// What `locus check` does, from a network and pictures to a folder: the sanity check of evaluate/sanity.hpp.
///
///     evaluate::CheckOptions options{.model = "resnet50.onnx", .out = "locus-check"};
///     evaluate::Check done = evaluate::check(options, batch::list_inputs({"photos"}, std::cin), {});
///     done.result.methods[0].verdict;

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "batch/input_list.hpp"
#include "evaluate/sanity.hpp"
#include "explain/network.hpp"

namespace locus::evaluate {

struct CheckOptions {
    std::filesystem::path model;
    explain::NetworkOptions network;
    std::vector<std::string> labels;  ///< in place of the model's; empty: the model's
    SanityOptions sanity;             ///< without methods: some of different kinds, as far as they apply
    int sample_bits = 0;              ///< of 16-bit pictures, as image::DecodeOptions has it
    std::filesystem::path out;
    bool overwrite = false;  ///< write into `out`, whatever is there
};

struct CheckObserver {
    std::function<void(const std::string& name, const std::string& why)> left_out;  ///< a picture that cannot be read
    std::function<void(const std::string& warning)> warning;
    std::function<void(std::size_t done, std::size_t steps)> progress;
};

struct Check {
    SanityResult result;
    std::size_t left_out = 0;  ///< pictures
};

/// Writes check.json, check.html and maps/*.png into `out` (docs/formats.md). Throws Error(usage) where `out` holds
/// something else than an earlier check and `overwrite` is not set, for no pictures and for more than memory is given
/// to; Error(io) where none can be read or `out` takes no files; and what loading the network and sanity_check throw.
Check check(const CheckOptions& options, const std::vector<batch::InputItem>& items, const CheckObserver& observer);

}  // namespace locus::evaluate
