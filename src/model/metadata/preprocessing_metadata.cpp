#include "model/metadata/preprocessing_metadata.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "model/metadata/hugging_face.hpp"
#include "model/metadata/input_facts.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using text::quote;

/// The keys' values out of metadata_props; every refusal names key and value. `other_channels`: of a network that takes
/// no photos, else 0.
class Properties {
public:
    explicit Properties(const std::map<std::string, std::string>& values, std::int64_t other_channels = 0)
        : values_(values), other_channels_(other_channels) {}

    const std::string* find(const std::string& key) const {
        const auto found = values_.find(key);
        return found == values_.end() || found->second.empty() ? nullptr : &found->second;
    }

    [[noreturn]] void refuse(const std::string& key, std::string_view wanted) const {
        throw Error(ErrorKind::model, fmt::format("the model's metadata says {} = {}; it must be {}", key,
                                                  quote(values_.at(key), 80), wanted));
    }

    /// Numbers between commas, spaces, brackets or an x.
    std::vector<double> numbers(const std::string& key, std::string_view wanted) const {
        const std::string& text = values_.at(key);
        std::vector<double> found;
        for (std::size_t at = 0;;) {
            at = text.find_first_not_of(" ,;x[]()\t\r\n", at);
            if (at == std::string::npos) break;
            double value = 0;
            const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
            if (error != std::errc() || !std::isfinite(value)) refuse(key, wanted);
            found.push_back(value);
            at = static_cast<std::size_t>(end - text.data());
        }
        return found;
    }

    std::optional<std::array<float, 3>> channels(const std::string& key, double least, double most,
                                                 std::string_view wanted) const {
        if (!find(key)) return std::nullopt;
        const std::vector<double> values = numbers(key, wanted);
        // One a channel, by which arrays were normalised before they come here.
        if (other_channels_ != 0 && static_cast<std::int64_t>(values.size()) == other_channels_) return std::nullopt;
        if (values.size() != 1 && values.size() != 3) refuse(key, wanted);
        std::array<float, 3> result{};
        for (std::size_t i = 0; i < 3; ++i) {
            const double value = values[values.size() == 1 ? 0 : i];
            if (!(value >= least && value <= most)) refuse(key, wanted);
            result[i] = static_cast<float>(value);
        }
        return result;
    }

    std::optional<std::string> lower(const std::string& key) const {
        const std::string* text = find(key);
        if (!text) return std::nullopt;
        std::string result = *text;
        for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        return result;
    }

private:
    const std::map<std::string, std::string>& values_;
    std::int64_t other_channels_;
};

/// "0..255", "[0, 255]" and "255" alike: the last number is white's.
std::optional<float> range_in(const Properties& properties) {
    if (!properties.find("range")) return std::nullopt;
    constexpr const char* wanted = "0..1 or 0..255";
    std::string text = *properties.find("range");
    if (text.find("..") != std::string::npos) text.replace(text.find(".."), 2, " ");
    const std::map<std::string, std::string> only{{"range", text}};
    std::vector<double> ends;
    try {
        ends = Properties(only).numbers("range", wanted);
    } catch (const Error&) {
    }
    if (ends.empty() || ends.size() > 2 || (ends.size() == 2 && ends[0] != 0) ||
        !(ends.back() > 0 && ends.back() <= 65535)) {
        properties.refuse("range", wanted);
    }
    return static_cast<float>(ends.back());
}

/// Width and height, or nothing.
std::vector<double> size_in(const Properties& properties) {
    if (!properties.find("size")) return {};
    constexpr const char* wanted = "pixels, as 224 or 320x240 (width x height)";
    const std::vector<double> sides = properties.numbers("size", wanted);
    if (sides.empty() || sides.size() > 2) properties.refuse("size", wanted);
    for (const double side : sides) {
        if (!(side >= 1 && side <= most_input_side) || side != std::floor(side)) properties.refuse("size", wanted);
    }
    return {sides.front(), sides.back()};
}

std::optional<float> crop_share_in(const Properties& properties) {
    if (!properties.find("crop_pct")) return std::nullopt;
    constexpr const char* wanted = "a share greater than 0 and at most 1";
    const std::vector<double> share = properties.numbers("crop_pct", wanted);
    if (share.size() != 1 || !(share[0] > 0 && share[0] <= 1)) properties.refuse("crop_pct", wanted);
    return static_cast<float>(share[0]);
}

std::vector<std::string> labels_in(const Properties& properties) {
    const std::string* labels = properties.find("labels");
    if (labels == nullptr) return {};
    try {
        return parse_labels(*labels);
    } catch (const Error& error) {
        throw Error(ErrorKind::model,
                    fmt::format("the model's metadata has labels that cannot be used: {}", error.what()));
    }
}

PreprocessingFacts metadata_facts(const Model& model, std::int64_t other_channels) {
    const Properties properties(model.metadata, other_channels);
    PreprocessingFacts facts;
    facts.origin = "model metadata";
    facts.mean = properties.channels("mean", -most_mean, most_mean,
                                     "one number or three, of values scaled to 0..1 (divide by 255)");
    facts.std =
        properties.channels("std", least_std, most_std, "one number or three greater than 0, of values scaled to 0..1");
    facts.range = range_in(properties);
    if (const std::vector<double> size = size_in(properties); !size.empty()) {
        facts.width = static_cast<int>(size[0]);
        facts.height = static_cast<int>(size[1]);
    }
    if (const auto layout = properties.lower("layout")) {
        facts.layout = layout_of(*layout);
        if (!facts.layout) properties.refuse("layout", "NCHW or NHWC");
    }
    if (const auto color = properties.lower("color")) {
        facts.color = *color == "grey" ? ColorOrder::gray : color_order_of(*color);
        if (!facts.color || facts.color == ColorOrder::other) properties.refuse("color", "RGB, BGR or gray");
    }
    if (const auto resize = properties.lower("resize")) {
        facts.resize = resize_of(*resize);
        if (!facts.resize) properties.refuse("resize", "squash, crop or squash-crop");
    }
    facts.crop_pct = crop_share_in(properties);
    facts.labels = labels_in(properties);
    return facts;
}

/// Where a value comes from that no source gives.
constexpr const char *default_origin = "default", *imagenet_origin = "ImageNet default";

/// Arrays come normalised and at their size: what is said of photos is of no use.
void forget_photos(PreprocessingFacts& facts) {
    facts.mean = facts.std = std::nullopt;
    facts.range = facts.crop_pct = std::nullopt;
    facts.resize = std::nullopt;
    facts.color = std::nullopt;
}

/// Mean, std and range for when nobody says them; returns their origin.
std::string assume_statistics(const InputFacts& graph, Preprocessing& p) {
    if (graph.other_channels() != 0 || graph.type == DataType::uint8) {
        // Arrays, or bytes: the graph does the rest itself.
        p.mean = {0, 0, 0};
        p.std = {1, 1, 1};
        p.range = graph.other_channels() != 0 ? 1 : 255;
        return graph.said.origin;
    }
    if (graph.channels == 1) {
        // The mean of ImageNet's three.
        p.mean = {0.449F, 0.449F, 0.449F};
        p.std = {0.226F, 0.226F, 0.226F};
    }
    return imagenet_origin;
}

/// What the graph itself fixes goes before what was said, or assumed. Throws Error(model) where the two cannot both be.
void follow_graph(Metadata& metadata, const InputFacts& graph, const ValueInfo& input) {
    Preprocessing& p = metadata.preprocessing;
    const std::int64_t other_channels = graph.other_channels();
    const auto fix = [&](const char* key, const auto& fact, auto& target) {
        std::string& origin = metadata.origins[key];
        if (!fact || (target == *fact && origin != default_origin && origin != imagenet_origin)) return;
        target = *fact;
        origin = graph.said.origin;
    };
    fix("layout", graph.said.layout, p.layout);
    fix("size", graph.said.width, p.width);
    fix("size", graph.said.height, p.height);
    if (graph.channels == 1) {
        fix("color", std::optional(ColorOrder::gray), p.color);
    } else if (other_channels != 0) {
        p.other_channels = static_cast<int>(std::min<std::int64_t>(other_channels, most_input_side));
        fix("color", std::optional(ColorOrder::other), p.color);
    } else if (graph.channels && p.color == ColorOrder::gray) {
        throw Error(ErrorKind::model,
                    fmt::format("{} says that the pictures are gray, but the input {} takes {} channels",
                                metadata.origins["color"], quote(input.name), *graph.channels));
    }
}

}  // namespace

Metadata read_metadata(const Model& model, const std::filesystem::path& model_file, const ValueInfo& input) {
    const InputFacts graph = input_facts(model.graph, input);
    const std::int64_t other_channels = graph.other_channels();
    std::vector<PreprocessingFacts> sources{metadata_facts(model, other_channels)};
    if (!model_file.empty()) {
        for (PreprocessingFacts& facts : hugging_face_facts(model_file, other_channels))
            sources.push_back(std::move(facts));
    }
    if (other_channels != 0) std::ranges::for_each(sources, forget_photos);

    Metadata metadata;
    Preprocessing& p = metadata.preprocessing;
    const auto take = [&](const char* key, auto member, auto& target, const std::string& otherwise) {
        metadata.origins[key] = otherwise;
        for (const PreprocessingFacts& facts : sources) {
            if (!(facts.*member)) continue;
            target = *(facts.*member);
            metadata.origins[key] = facts.origin;
            return;
        }
    };
    p.type = graph.type;
    metadata.origins["type"] = graph.said.origin;
    const std::string defaults = assume_statistics(graph, p);
    take("mean", &PreprocessingFacts::mean, p.mean, defaults);
    take("std", &PreprocessingFacts::std, p.std, defaults);
    take("range", &PreprocessingFacts::range, p.range,
         p.type == DataType::uint8 ? graph.said.origin : std::string(default_origin));
    take("resize", &PreprocessingFacts::resize, p.resize, default_origin);
    take("crop_pct", &PreprocessingFacts::crop_pct, p.crop_pct, default_origin);
    take("color", &PreprocessingFacts::color, p.color, default_origin);
    take("layout", &PreprocessingFacts::layout, p.layout, default_origin);
    take("size", &PreprocessingFacts::width, p.width, imagenet_origin);
    take("size", &PreprocessingFacts::height, p.height, imagenet_origin);

    follow_graph(metadata, graph, input);
    for (PreprocessingFacts& facts : sources) {
        if (facts.labels.empty()) continue;
        metadata.labels = std::move(facts.labels);
        metadata.origins["labels"] = facts.origin;
        break;
    }
    return metadata;
}

std::string assumed_statistics(const std::map<std::string, std::string>& origins) {
    std::string what, options;
    for (const char* key : {"mean", "std"}) {
        const auto origin = origins.find(key);
        if (origin == origins.end() || origin->second != imagenet_origin) continue;
        what += fmt::format("{}{}", what.empty() ? "" : " and ", key);
        options += fmt::format("{}--{}", options.empty() ? "" : ", ", key);
    }
    if (what.empty()) return {};
    return fmt::format("the model does not say how photos are normalised: ImageNet's {} {} taken ({})", what,
                       what.size() > 4 ? "are" : "is", options);
}

void write_metadata(Model& model, const Preprocessing& p, const std::vector<std::string>& labels) {
    if (p.color != ColorOrder::other) {
        model.metadata["mean"] = fmt::format("{}", fmt::join(p.mean, ","));
        model.metadata["std"] = fmt::format("{}", fmt::join(p.std, ","));
        model.metadata["range"] = fmt::format("0..{}", p.range);
        model.metadata["resize"] = name(p.resize);
        model.metadata["crop_pct"] = fmt::format("{}", p.crop_pct);
        model.metadata["color"] = p.color == ColorOrder::bgr ? "BGR" : p.color == ColorOrder::gray ? "gray" : "RGB";
    }
    model.metadata["size"] = p.width == p.height ? fmt::format("{}", p.width) : fmt::format("{}x{}", p.width, p.height);
    model.metadata["layout"] = p.layout == Layout::nhwc ? "NHWC" : "NCHW";
    if (labels.empty()) return;
    std::string lines;
    for (const std::string& label : labels) {
        std::string line = label;
        std::replace(line.begin(), line.end(), '\n', ' ');
        std::replace(line.begin(), line.end(), '\r', ' ');
        lines += line + '\n';
    }
    lines.pop_back();
    model.metadata["labels"] = lines;
}

}  // namespace locus::model
