#include "default_model.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "program_folder.hpp"

namespace locus::command {
namespace fs = std::filesystem;
namespace {

fs::path find_model() {
    std::error_code error;
    const fs::path self = program_folder();
    for (const fs::path& folder : {self / "../share/locus/models", self / "../models"}) {
        std::vector<fs::path> models;
        for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
            if (it->path().extension() == ".onnx") models.push_back(it->path().lexically_normal());
        }
        if (!models.empty()) return *std::min_element(models.begin(), models.end());
    }
    return {};
}

}  // namespace

fs::path default_model() {
    fs::path model = find_model();
    if (model.empty())
        throw Error(ErrorKind::usage, "no model is given and none is installed: name one with -m MODEL.onnx");
    return model;
}

CLI::Option* add_model_option(CLI::App& command, const std::string& name, std::string& file) {
    const fs::path model = find_model();
    const std::string help = model.empty() ? "The classifier, an ONNX file"
                                           : fmt::format("The classifier, an ONNX file (default: the embedded {})",
                                                         model.filename().string());
    return command.add_option(name, file, help)->check([](const std::string& text) {
        return text.empty() ? std::string("an empty name is no model file; leave it out for the embedded network") : "";
    });
}

}  // namespace locus::command
