#pragma once

/// A page that runs an explained model in the browser, on a dropped photo or the camera: a folder that any static
/// server can serve.
///
///     deploy::write_web_page(explained, "page",
///                            {.runtime = "node_modules/onnxruntime-web/dist", .name = "resnet50.onnx"});
///     // page/index.html, its scripts, model.onnx, model.json, and ONNX Runtime Web in ort/
///
/// Nothing is fetched from elsewhere: neither when the folder is written nor when the page runs. Photos stay in the
/// browser.

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "model/graph.hpp"

namespace locus::deploy {

struct WebPageOptions {
    std::filesystem::path runtime;  ///< the folder with `web_runtime_files`: `dist` of the npm package onnxruntime-web
    std::string name;               ///< of the model, for people
};

/// The files of the npm package onnxruntime-web that the page needs: its WebAssembly build, 14 MB.
inline constexpr std::array<std::string_view, 3> web_runtime_files{"ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs",
                                                                   "ort-wasm-simd-threaded.wasm"};

/// Writes the folder; files of an earlier page are replaced. Throws Error(usage) for a model whose class is an input
/// (the page shows the best classes) and for a runtime folder without the files, Error(io).
void write_web_page(const model::Model& explained, const std::filesystem::path& folder, const WebPageOptions& options);

/// Whether a folder holds a page that write_web_page wrote: its index.html, and a model.json that is ours.
bool holds_web_page(const std::filesystem::path& folder);

/// The text of model.json: how the page feeds the model and what it says of it. All of it is read from the model's
/// metadata and ports.
std::string web_page_configuration(const model::Model& explained, const std::string& name);

}  // namespace locus::deploy
