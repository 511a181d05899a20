#include "model/metadata/hugging_face.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "model/metadata/labels.hpp"
#include "model/metadata/shallow_json.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::quote;

constexpr std::uintmax_t largest_file = 64 << 20;

/// Values of one JSON file, with its name for the sentences.
class Config {
public:
    Config(std::string file, json values, std::int64_t other_channels)
        : file_(std::move(file)), values_(std::move(values)), other_channels_(other_channels) {}

    /// An object within the file.
    Config within(const json& values) const { return {file_, values, other_channels_}; }

    const json* find(const std::string& key) const {
        const auto found = values_.find(key);
        return found == values_.end() || found->is_null() ? nullptr : &*found;
    }

    [[noreturn]] void refuse(const std::string& key, const json& value, std::string_view wanted) const {
        const std::string shown = value.dump(-1, ' ', false, json::error_handler_t::replace);
        throw Error(ErrorKind::model,
                    fmt::format("{} beside the model says {} = {}; it must be {} (or take the file away)", file_, key,
                                quote(shown, 80), wanted));
    }

    std::optional<double> number(const std::string& key) const {
        const json* value = find(key);
        if (!value) return std::nullopt;
        if (!value->is_number() || !std::isfinite(value->get<double>())) refuse(key, *value, "a number");
        return value->get<double>();
    }

    bool flag(const std::string& key, bool fallback) const {
        const json* value = find(key);
        if (!value) return fallback;
        if (!value->is_boolean()) refuse(key, *value, "true or false");
        return value->get<bool>();
    }

    /// One number a channel, or one for all.
    std::optional<std::array<double, 3>> channels(const std::string& key) const {
        const json* value = find(key);
        if (!value) return std::nullopt;
        const json list = value->is_array() ? *value : json::array({*value});
        // One a channel of a network that takes no photos.
        if (other_channels_ != 0 && static_cast<std::int64_t>(list.size()) == other_channels_) return std::nullopt;
        std::array<double, 3> numbers{};
        const bool fits = list.size() == 1 || list.size() == 3;
        for (std::size_t i = 0; i < 3; ++i) {
            const json element = fits ? list[list.size() == 1 ? 0 : i] : json();
            if (!element.is_number() || !std::isfinite(element.get<double>()))
                refuse(key, *value, "one number or three");
            numbers[i] = element.get<double>();
        }
        return numbers;
    }

    int pixels(const std::string& key, const json& value) const {
        if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > most_input_side) {
            refuse(key, value, "a number of pixels");
        }
        return value.get<int>();
    }

    const std::string& file() const { return file_; }

private:
    std::string file_;
    json values_;
    std::int64_t other_channels_;
};

/// Whether the file is of one of these families of image processors.
bool is_of(const Config& config, std::initializer_list<std::string_view> families) {
    for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
        const json* type = config.find(key);
        if (!type || !type->is_string()) continue;
        const auto name = type->get<std::string>();
        if (std::ranges::any_of(families, [&](std::string_view family) { return name.starts_with(family); }))
            return true;
    }
    return false;
}

/// Where a single number is the side of a square; for other processors of transformers it is the shorter side.
bool squares_sizes(const Config& config) {
    return is_of(config, {"DeiT", "Beit", "ViTImage", "ViTFeature", "Data2VecVision"});
}

/// What a photo is resized to.
struct Size {
    int width = 0, height = 0;
    bool is_shorter_side = false;  ///< the photo keeps its aspect ratio
};

/// A number, a list [height, width], {"height", "width"} or {"shortest_edge"}.
std::optional<Size> read_size(const Config& config, const std::string& key) {
    const json* value = config.find(key);
    if (!value) return std::nullopt;
    if (value->is_number()) {
        const int side = config.pixels(key, *value);
        return Size{side, side, !squares_sizes(config)};
    }
    if (value->is_array() && value->size() == 2) {
        return Size{config.pixels(key, (*value)[1]), config.pixels(key, (*value)[0]), false};
    }
    if (value->is_object() && value->contains("height") && value->contains("width")) {
        return Size{config.pixels(key, (*value)["width"]), config.pixels(key, (*value)["height"]), false};
    }
    if (value->is_object() && value->contains("shortest_edge")) {
        const int side = config.pixels(key, (*value)["shortest_edge"]);
        return Size{side, side, true};
    }
    config.refuse(key, *value, "a size in pixels: a number, a height and width, or a shortest_edge");
}

void check_std(const Config& config, const std::string& key, const std::array<double, 3>& values) {
    for (const double value : values) {
        if (!(value > 0)) config.refuse(key, *config.find(key), "greater than 0");
    }
}

float crop_share(const Config& config, double share) {
    if (!(share > 0 && share <= 1))
        config.refuse("crop_pct", *config.find("crop_pct"), "a share greater than 0 and at most 1");
    return static_cast<float>(share);
}

std::array<float, 3> floats(const std::array<double, 3>& values) {
    return {static_cast<float>(values[0]), static_cast<float>(values[1]), static_cast<float>(values[2])};
}

/// transformers' image processors: value = v * rescale_factor, then (value - image_mean) / image_std.
void read_normalisation(const Config& config, PreprocessingFacts& facts) {
    const bool rescales = config.flag("do_rescale", true);
    const double factor = rescales ? config.number("rescale_factor").value_or(1.0 / 255) : 1.0;
    if (!(factor > 0)) config.refuse("rescale_factor", *config.find("rescale_factor"), "greater than 0");
    const double offset = rescales && config.flag("rescale_offset", false) ? 1 : 0;
    const bool normalises = config.flag("do_normalize", true);
    auto mean = config.channels("image_mean");
    auto std = config.channels("image_std");
    if (std) check_std(config, "image_std", *std);
    if (!normalises || (!mean && !std && is_of(config, {"MobileViT"}))) {  // which has no mean to take away
        mean = {0, 0, 0};
        std = {1, 1, 1};
    }
    // EfficientNet's processor divides a second time, by default.
    if (normalises && std && is_of(config, {"EfficientNet"}) && config.flag("include_top", true)) {
        for (double& deviation : *std) deviation *= deviation;
    }
    // Ours is range * (v / 255 - mean) / std.
    double range = factor * 255;
    if (std::abs(range - 1) < 1e-3) range = 1;  // the factor is written with few digits
    if (mean) {
        std::array<double, 3> ours{};
        for (std::size_t i = 0; i < 3; ++i) ours[i] = ((*mean)[i] + offset) / range;
        facts.mean = floats(ours);
    }
    if (std) facts.std = floats(*std);
    if (mean || config.find("rescale_factor") || config.find("do_rescale")) facts.range = static_cast<float>(range);
}

void read_resizing(const Config& config, PreprocessingFacts& facts) {
    const std::optional<Size> size = read_size(config, "size");
    std::optional<Size> crop;
    if (config.flag("do_center_crop", false)) {
        crop = read_size(config, "crop_size");
        if (!crop) crop = size;
    }
    const Size* seen = crop ? &*crop : size ? &*size : nullptr;
    if (seen) {
        facts.width = seen->width;
        facts.height = seen->height;
    }
    std::optional<double> share = config.number("crop_pct");
    constexpr double usual = 224.0 / 256;
    if (!share && size && is_of(config, {"ConvNext"})) share = usual;
    if (share) {
        facts.crop_pct = crop_share(config, *share);
        // As ConvNeXT's processor has it: large images are not cropped.
        facts.resize = size && size->width >= 384 ? Resize::squash : Resize::crop;
    } else if (crop && size && size->is_shorter_side && is_of(config, {"Levit"})) {
        // Its processor enlarges what is said of the shorter side.
        facts.crop_pct = static_cast<float>(std::min(1.0, usual * crop->width / size->width));
        facts.resize = Resize::crop;
    } else if (crop && size && config.flag("do_resize", true)) {
        facts.crop_pct = std::min(1.0F, static_cast<float>(crop->width) / static_cast<float>(size->width));
        facts.resize = size->is_shorter_side ? Resize::crop : Resize::squash_crop;
    } else if (size) {
        facts.resize = Resize::squash;
    }
}

PreprocessingFacts preprocessor_facts(const Config& config) {
    PreprocessingFacts facts;
    facts.origin = config.file();
    read_normalisation(config, facts);
    read_resizing(config, facts);
    if (config.flag("do_flip_channel_order", is_of(config, {"MobileViT"}))) facts.color = ColorOrder::bgr;
    return facts;
}

std::vector<std::string> labels_in(const Config& config, const std::string& key) {
    const json* value = config.find(key);
    if (!value) return {};
    try {
        std::vector<std::string> labels = parse_labels(value->dump());
        // What transformers writes where nobody gave names.
        bool named = false;
        for (std::size_t i = 0; i < labels.size(); ++i) named |= labels[i] != fmt::format("LABEL_{}", i);
        return named ? labels : std::vector<std::string>{};
    } catch (const std::exception& error) {
        throw Error(ErrorKind::model, fmt::format("{} beside the model has a {} that cannot be used: {}", config.file(),
                                                  key, error.what()));
    }
}

/// timm's config.json: `pretrained_cfg`, `label_names` and `label_descriptions`.
void read_timm(const Config& config, PreprocessingFacts& facts) {
    const json* nested = config.find("pretrained_cfg");
    if (!nested || !nested->is_object()) return;
    const Config cfg = config.within(*nested);
    if (const auto mean = cfg.channels("mean")) {
        facts.mean = floats(*mean);
        facts.range = 1.0F;
    }
    if (const auto std = cfg.channels("std")) {
        check_std(cfg, "std", *std);
        facts.std = floats(*std);
    }
    if (const json* size = cfg.find("input_size")) {
        if (!size->is_array() || size->size() != 3) cfg.refuse("input_size", *size, "[channels, height, width]");
        facts.height = cfg.pixels("input_size", (*size)[1]);
        facts.width = cfg.pixels("input_size", (*size)[2]);
    }
    const auto share = cfg.number("crop_pct");
    if (share || cfg.find("input_size")) {
        facts.crop_pct = crop_share(cfg, share.value_or(0.875));  // timm's default
        const json* mode = cfg.find("crop_mode");
        facts.resize = mode && *mode == "squash" ? Resize::squash_crop : Resize::crop;
    }
    for (const Config* place : {&config, &cfg}) {
        if (!facts.labels.empty()) break;
        facts.labels = labels_in(*place, "label_names");
        // Names may be keys (WordNet's "n01440764") of descriptions.
        const json* descriptions = place->find("label_descriptions");
        if (!descriptions || !descriptions->is_object()) continue;
        for (std::string& label : facts.labels) {
            const auto found = descriptions->find(label);
            if (found != descriptions->end() && found->is_string()) label = found->get<std::string>();
        }
    }
}

PreprocessingFacts config_facts(const Config& config) {
    PreprocessingFacts facts;
    facts.origin = config.file();
    read_timm(config, facts);
    if (facts.labels.empty()) facts.labels = labels_in(config, "id2label");
    if (!facts.width) {
        if (const auto size = read_size(config, "image_size")) {
            facts.width = size->width;
            facts.height = size->height;
        }
    }
    return facts;
}

/// Python writes NaN, Infinity and -Infinity, which JSON does not have: null in their place, which says nothing.
std::string without_non_numbers(std::string_view text) {
    static constexpr std::array<std::string_view, 3> non_numbers{"NaN", "Infinity", "-Infinity"};
    std::string result;
    result.reserve(text.size());
    bool in_string = false;
    while (!text.empty()) {
        if (!in_string) {
            const auto* word =
                std::ranges::find_if(non_numbers, [&](std::string_view name) { return text.starts_with(name); });
            if (word != non_numbers.end()) {
                result += "null";
                text.remove_prefix(word->size());
                continue;
            }
        }
        // What is escaped ends no string.
        const std::size_t count = in_string && text.front() == '\\' && text.size() > 1 ? 2 : 1;
        if (text.front() == '"') in_string = !in_string;
        result += text.substr(0, count);
        text.remove_prefix(count);
    }
    return result;
}

/// The file's values; nullopt where there is no such file, or where it is JSON of another kind.
std::optional<Config> read_config(const fs::path& folder, const std::string& name, std::int64_t other_channels) {
    const fs::path file = folder / name;
    std::error_code failed;
    if (!fs::is_regular_file(file, failed) || fs::file_size(file, failed) > largest_file) return std::nullopt;
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot read {}", quote(file.string())));
    json values = parse_shallow_json(without_non_numbers(text));
    if (values.is_discarded()) {
        throw Error(ErrorKind::model, fmt::format("{} beside the model is not valid JSON: mend it or take it away",
                                                  quote(file.string())));
    }
    if (!values.is_object()) return std::nullopt;
    return Config(name, std::move(values), other_channels);
}

}  // namespace

std::vector<PreprocessingFacts> hugging_face_facts(const fs::path& model_file, std::int64_t other_channels) {
    fs::path folder = model_file.parent_path();
    if (folder.empty()) folder = ".";
    const auto has_one = [](const fs::path& place) {
        std::error_code failed;
        return fs::exists(place / "preprocessor_config.json", failed) || fs::exists(place / "config.json", failed);
    };
    if (!has_one(folder) && folder.filename() == "onnx") folder = folder / "..";
    std::vector<PreprocessingFacts> facts;
    if (const auto config = read_config(folder, "preprocessor_config.json", other_channels))
        facts.push_back(preprocessor_facts(*config));
    if (const auto config = read_config(folder, "config.json", other_channels)) facts.push_back(config_facts(*config));
    return facts;
}

}  // namespace locus::model
