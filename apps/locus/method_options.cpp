#include "method_options.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "explain/settings.hpp"
#include "files/npy.hpp"
#include "locus/error.hpp"
#include "option_values.hpp"

namespace locus::command {

void MethodArguments::add_to(CLI::App& command, const std::vector<std::string>& without) {
    const std::string group = "Method";
    command
        .add_option("--target", target,
                    "The number explained: logit, probability, difference (to the nearest classes), mask "
                    "(segmentation), similarity")
        ->transform(in_any_case())
        ->type_name("NUMBER")
        ->group(group);
    command
        .add_option("--target-mask", target_mask,
                    "For the target mask: [h, w] at the scores' resolution, above 0 counts")
        ->type_name("FILE.npy")
        ->group(group);
    command
        .add_option("--target-embedding", target_embedding, "For the target similarity: the embedding to compare with")
        ->type_name("FILE.npy")
        ->group(group);
    command
        .add_option("--target-image", target_image,
                    "For the target similarity: the photo whose embedding, by the same network, to compare with")
        ->type_name("PHOTO")
        ->group(group);
    command.add_option("--fuse", fuse, "How several layers' maps become one: mean (default), max, product")
        ->transform(in_any_case())
        ->type_name("HOW")
        ->group(group);
    command
        .add_option(
            "--smooth", smooth,
            "augment (mean over flips and strengths), eigen (first principal component), or both: augment,eigen")
        ->transform(in_any_case())
        ->type_name("HOW")
        ->group(group);
    command
        .add_option("--grid", grid,
                    "Rows and columns that the layer's tokens make, such as 14x14 (default: read off the graph)")
        ->transform(in_any_case())
        ->type_name("ROWSxCOLUMNS")
        ->group(group);
    command.add_option("--channels", channels, "Where the layer's channels stand: first or last (default: likewise)")
        ->transform(in_any_case())
        ->type_name("WHERE")
        ->group(group);
    command
        .add_option("--set", settings,
                    "A setting of the method: samples, steps, noise, variant, alpha, nearest (docs/methods.md)")
        ->transform(in_any_case())
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false)
        ->group(group);
    takes_image = std::find(without.begin(), without.end(), "--target-image") == without.end();
    for (const std::string& name : without) command.remove_option(command.get_option(name));
}

std::vector<std::pair<std::string, std::string>> MethodArguments::words() const {
    std::vector<std::pair<std::string, std::string>> result;
    std::string number = target;
    const auto require = [&](const std::string& value, const char* option, const char* needed) {
        if (value.empty()) return;
        if (!number.empty() && number != needed)
            throw Error(ErrorKind::usage,
                        fmt::format("{} is for the target {}, and the target {} is asked for", option, needed, number));
        number = needed;
    };
    require(target_mask, "--target-mask", "mask");
    require(target_embedding, "--target-embedding", "similarity");
    require(target_image, "--target-image", "similarity");
    if (!target_embedding.empty() && !target_image.empty())
        throw Error(ErrorKind::usage, "--target-embedding and --target-image both say what to compare with: give one");
    if (number == "similarity" && target_embedding.empty() && target_image.empty())
        throw Error(ErrorKind::usage,
                    fmt::format("--target similarity needs what to compare with: {}--target-embedding FILE.npy",
                                takes_image ? "--target-image PHOTO or " : ""));
    if (!number.empty()) result.emplace_back("target", number);
    if (!fuse.empty()) result.emplace_back("fuse", fuse);
    if (!grid.empty()) result.emplace_back("grid", grid);
    if (!channels.empty()) result.emplace_back("channels", channels);
    if (!smooth.empty()) result.emplace_back("smooth", smooth);
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        if (equals == 0 || equals == std::string::npos)
            throw Error(ErrorKind::usage, fmt::format("--set takes KEY=VALUE, not '{}'", setting));
        result.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    }
    return result;
}

std::optional<Tensor> MethodArguments::mask() const {
    if (target_mask.empty()) return std::nullopt;
    return files::read_npy(target_mask);
}

std::optional<Tensor> MethodArguments::embedding() const {
    if (target_embedding.empty()) return std::nullopt;
    return files::read_npy(target_embedding);
}

std::optional<Image> MethodArguments::image(int sample_bits) const {
    if (target_image.empty()) return std::nullopt;
    return read_image(target_image, sample_bits);
}

void MethodArguments::apply(explain::MethodOptions& options) const {
    for (const auto& [key, value] : words()) explain::set(options, key, value);
    options.target.mask = mask();
    options.target.reference = embedding();
    explain::require_suitable(options.target);
}

}  // namespace locus::command
