#include "preprocessing_options.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "option_values.hpp"
#include "text/quote.hpp"

namespace locus::command {
namespace {

float number(const std::string& text, const char* option) {
    float value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} takes one number or three separated by commas; {} is not a number", option,
                                text::quote(text)));
    }
    return value;
}

std::array<float, 3> three(const std::string& list, const char* option) {
    const auto parts = split_list(list);
    if (parts.size() != 1 && parts.size() != 3) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} takes one number or three separated by commas, not {}", option, parts.size()));
    }
    std::array<float, 3> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = number(parts[parts.size() == 1 ? 0 : i], option);
    return values;
}

int side(std::string_view text, const std::string& size) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most_input_side) {
        throw Error(ErrorKind::usage,
                    fmt::format("--size takes pixels, as 224 or 320x240 (width x height, at most {} each), not '{}'",
                                most_input_side, size));
    }
    return value;
}

}  // namespace

const char* const PreprocessingOptions::help_group =
    "How photos become the network's input (default: what the model's metadata or a Hugging Face config beside it "
    "says, else ImageNet's)";

void PreprocessingOptions::add_to(CLI::App& app) {
    app.add_option("--mean", mean,
                   "Mean of each channel, of values scaled to 0..1: one number or three, 0.485,0.456,0.406")
        ->type_name("M")
        ->group(help_group);
    app.add_option("--std", std, "Standard deviation of each channel, likewise")->type_name("S")->group(help_group);
    app.add_option("--size", size, "Size of the network's input in pixels: 224 or 320x240 (width x height)")
        ->transform(in_any_case())
        ->type_name("N|WxH")
        ->group(help_group);
    app.add_option(
           "--resize", resize,
           "squash: the whole photo is seen; crop: the shorter side is resized, the centre seen; squash-crop: the "
           "centre of the squashed photo is seen")
        ->transform(in_any_case())
        ->check(CLI::IsMember({"squash", "crop", "squash-crop"}))
        ->type_name("HOW")
        ->group(help_group);
    app.add_option("--crop-pct", crop_pct, "Share of the resized photo's side that the crop keeps (0.875)")
        ->check(CLI::Range(0.01, 1.0))
        ->type_name("SHARE")
        ->group(help_group);
    app.add_option("--range", range,
                   "R in input = R * (x / 255 - mean) / std, for a pixel x of 0..255: 1, or 255 for a network fed with "
                   "values of 0..255")
        ->type_name("V")
        ->group(help_group);
    app.add_option("--color", color, "Order of channels: rgb, bgr or gray")
        ->transform(in_any_case())
        ->check(CLI::IsMember({"rgb", "bgr", "gray"}))
        ->type_name("ORDER")
        ->group(help_group);
    app.add_option("--layout", layout, "nchw or nhwc")
        ->transform(in_any_case())
        ->check(CLI::IsMember({"nchw", "nhwc"}))
        ->type_name("ORDER")
        ->group(help_group);
    app.add_option("--labels", labels, "Class names: one a line in order, or a JSON list or object")
        ->type_name("FILE")
        ->group(help_group);
}

void PreprocessingOptions::apply(Preprocessing& p) const {
    if (p.color == ColorOrder::other &&
        (!mean.empty() || !std.empty() || !resize.empty() || !color.empty() || crop_pct || range)) {
        throw Error(
            ErrorKind::usage,
            fmt::format("the network takes {} channels, so that its inputs are arrays, preprocessed already: --mean, "
                        "--std, --range, --resize, --crop-pct and --color say nothing of them",
                        p.other_channels));
    }
    if (!mean.empty()) p.mean = three(mean, "--mean");
    if (!std.empty()) p.std = three(std, "--std");
    for (const float value : p.mean) {
        if (!mean.empty() && !(std::abs(value) <= most_mean))
            throw Error(ErrorKind::usage,
                        fmt::format("--mean is of values scaled to 0..1 and lies within {} of 0, which {} does not: "
                                    "divide by 255",
                                    most_mean, value));
    }
    for (const float value : p.std) {
        if (!(value >= least_std && value <= most_std))
            throw Error(ErrorKind::usage, fmt::format("--std takes numbers greater than 0, at most {}", most_std));
    }
    if (!size.empty()) {
        const std::size_t cross = size.find('x');
        p.width = side(std::string_view(size).substr(0, cross), size);
        p.height = cross == std::string::npos ? p.width : side(std::string_view(size).substr(cross + 1), size);
    }
    if (!resize.empty()) p.resize = resize_of(resize).value();
    if (crop_pct && p.resize == Resize::squash) {
        throw Error(
            ErrorKind::usage,
            "--crop-pct says how much of a photo a crop keeps, but whole photos are squashed here: add --resize "
            "crop");
    }
    if (crop_pct) p.crop_pct = *crop_pct;
    if (range && !(*range > 0 && *range <= most_range)) {
        throw Error(ErrorKind::usage,
                    fmt::format("--range takes the value of white, 1 or 255 (greater than 0, at most {}), not {}",
                                most_range, *range));
    }
    if (range) p.range = *range;
    // Deviations of pixels as they are, such as 58.4, are for --range 255.
    constexpr float most_scaled = 16;
    if (!std.empty() && p.range <= 1 && std::ranges::any_of(p.std, [](float value) { return value > most_scaled; }))
        throw Error(ErrorKind::usage,
                    fmt::format("--std is of values scaled to 0..1, which {} is not: divide by 255", std));
    if (!color.empty()) p.color = color_order_of(color).value();
    if (!layout.empty()) p.layout = layout_of(layout).value();
    const auto require_one = [&](const std::string& given, const std::array<float, 3>& values, const char* option) {
        if (given.empty() || p.color != ColorOrder::gray || (values[0] == values[1] && values[1] == values[2])) return;
        throw Error(ErrorKind::usage,
                    fmt::format("{} has three values, but the network takes grey pictures: give one", option));
    };
    require_one(mean, p.mean, "--mean");
    require_one(std, p.std, "--std");
}

std::vector<std::string> PreprocessingOptions::read_labels() const {
    return labels.empty() ? std::vector<std::string>{} : model::read_labels(labels);
}

}  // namespace locus::command
