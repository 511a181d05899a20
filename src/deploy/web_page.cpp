#include "deploy/web_page.hpp"

#include <fstream>
#include <iterator>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "deploy/web_page_files.hpp"
#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "locus/overlay.hpp"
#include "locus/version.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/onnx/onnx_file.hpp"
#include "report/report_page.hpp"
#include "text/base64.hpp"
#include "text/utf8.hpp"

namespace locus::deploy {
namespace {

using Json = nlohmann::ordered_json;

const model::ValueInfo& port(const std::vector<model::ValueInfo>& ports, std::string_view name) {
    for (const model::ValueInfo& info : ports) {
        if (info.name == name) return info;
    }
    throw Error(ErrorKind::usage, fmt::format("the model has no output '{}': it is not an explained one", name));
}

const model::ValueInfo& image_input(const model::Model& explained) {
    const auto& inputs = explained.graph.inputs;
    if (inputs.size() != 1) {
        throw Error(ErrorKind::usage,
                    "the web page shows the best classes, so that the class cannot be an input: take --classes top:K");
    }
    return inputs.front();
}

std::string type_name(DataType type) {
    return type == DataType::float16 ? "float16" : type == DataType::uint8 ? "uint8" : "float32";
}

Json preprocessing_json(const Preprocessing& p) {
    return {{"width", p.width},
            {"height", p.height},
            {"mean", p.mean},
            {"std", p.std},
            {"range", p.range},
            {"resize", std::string(name(p.resize))},
            {"crop_pct", p.crop_pct},
            {"color", std::string(name(p.color))},
            {"layout", std::string(name(p.layout))},
            {"type", type_name(p.type)}};
}

std::string read_runtime_file(const std::filesystem::path& folder, std::string_view name) {
    std::ifstream stream(folder / name, std::ios::binary);
    if (!stream) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} has no {}: --web-runtime takes the folder dist of the npm package onnxruntime-web",
                                folder.string(), name));
    }
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// Static servers know .js as JavaScript; not all of them know .mjs, and a browser refuses a module served as anything
/// else.
std::string served_name(std::string_view file) {
    return file.ends_with(".mjs") ? std::string(file.substr(0, file.size() - 4)) + ".js" : std::string(file);
}

}  // namespace

std::string web_page_configuration(const model::Model& explained, const std::string& name) {
    const model::ValueInfo& input = image_input(explained);
    const model::Metadata metadata = model::read_metadata(explained, {}, input);
    if (metadata.preprocessing.color == ColorOrder::other) {
        throw Error(ErrorKind::usage,
                    fmt::format("a page shows photos, but the network takes {} channels, which none has",
                                metadata.preprocessing.other_channels));
    }
    const auto text = [&](const char* key) {
        const auto found = explained.metadata.find(key);
        return found == explained.metadata.end() ? std::string() : text::to_utf8(found->second);
    };
    const auto& maps = *port(explained.graph.outputs, "maps").shape;
    Json labels = Json::array();
    for (const std::string& label : metadata.labels) labels.push_back(text::to_utf8(label));
    Json colormaps = Json::object();
    for (const std::string& map : colormap_names())
        colormaps[map] = text::base64(std::as_bytes(std::span(colormap(map))));
    const Json json{{"locus", version},
                    {"name", text::to_utf8(name)},
                    {"file", "model.onnx"},
                    {"method", text("locus.method")},
                    {"layer", text("locus.layer")},
                    {"maps", text("locus.maps")},
                    {"activation", text("locus.activation")},
                    {"input", {{"name", input.name}, {"batch", input.shape->front().value.value_or(1)}}},
                    {"classes", port(explained.graph.outputs, "logits").shape->at(1).value.value_or(0)},
                    {"map", {{"height", maps.at(2).value.value_or(0)}, {"width", maps.at(3).value.value_or(0)}}},
                    {"preprocessing", preprocessing_json(metadata.preprocessing)},
                    {"labels", std::move(labels)},
                    {"colormaps", std::move(colormaps)},
                    {"diverging", {diverging_colormap}}};
    return json.dump(1) + '\n';
}

bool holds_web_page(const std::filesystem::path& folder) {
    std::ifstream stream(folder / "model.json", std::ios::binary);
    const Json json = Json::parse(stream, nullptr, false);
    return json.is_object() && json.contains("locus") && std::filesystem::is_regular_file(folder / "index.html");
}

void write_web_page(const model::Model& explained, const std::filesystem::path& folder, const WebPageOptions& options) {
    const std::string configuration = web_page_configuration(explained, options.name);
    for (const std::string_view file : web_runtime_files) {
        files::write_file_atomically(folder / "ort" / served_name(file), read_runtime_file(options.runtime, file));
    }
    const std::pair<const char*, std::string_view> files[]{
        {"page.css", report::page_css},   {"boxes.js", report::boxes_js},
        {"heat.js", report::heat_js},     {"web.css", web_css},
        {"preprocess.js", preprocess_js}, {"network.js", network_js},
        {"worker.js", worker_js},         {"web.js", web_js},
        {"index.html", index_html}};
    for (const auto& [name, text] : files) files::write_file_atomically(folder / name, text);
    files::write_file_atomically(folder / "model.json", configuration);
    model::save(explained, folder / "model.onnx");
}

}  // namespace locus::deploy
