#include "web_runtime.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "deploy/web_page.hpp"
#include "locus/error.hpp"
#include "program_folder.hpp"

namespace locus::command {
namespace fs = std::filesystem;
namespace {

/// The first file that the folder lacks; empty where it has all.
std::string_view missing_file(const fs::path& folder) {
    const auto& files = deploy::web_runtime_files;
    const auto found = std::find_if(files.begin(), files.end(), [&](std::string_view file) {
        std::error_code error;
        return !fs::is_regular_file(folder / file, error);
    });
    return found == files.end() ? std::string_view() : *found;
}

}  // namespace

fs::path find_web_runtime(const fs::path& given) {
    if (!given.empty()) {
        const std::string_view missing = missing_file(given);
        if (missing.empty()) return given;
        throw Error(ErrorKind::usage,
                    fmt::format("{} has no {}: --web-runtime takes the folder dist of the npm package onnxruntime-web",
                                given.string(), missing));
    }
    const fs::path self = program_folder();
    for (const fs::path& folder :
         {self / "../share/locus/onnxruntime-web", self / "../third_party/npm/node_modules/onnxruntime-web/dist",
          fs::path("node_modules/onnxruntime-web/dist")}) {
        if (missing_file(folder).empty()) return folder.lexically_normal();
    }
    throw Error(ErrorKind::usage,
                "--web needs the files of ONNX Runtime Web, which this Locus was installed without: run `npm install "
                "--ignore-scripts onnxruntime-web` here, or give their folder with --web-runtime");
}

}  // namespace locus::command
