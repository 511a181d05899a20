#pragma once

/// Photos and a small network in a folder, and `locus explain` run there.

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "locus/image.hpp"
#include "locus/preprocessing.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus::test {

namespace fs = std::filesystem;
using nlohmann::json;

/// A bright disc on noise: something for random weights to look at.
inline Image picture(int width, int height, unsigned seed) {
    Image image{.width = width,
                .height = height,
                .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3)};
    std::mt19937 random(seed);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const double dx = (x - 0.3 * width) / width, dy = (y - 0.6 * height) / height;
            const bool disc = dx * dx + dy * dy < 0.04;
            for (int c = 0; c < 3; ++c)
                image.pixel(x, y)[c] = static_cast<std::uint8_t>(disc ? 255 - 60 * c : random() % 64);
        }
    }
    return image;
}

inline void write_picture(const fs::path& file, int width, int height, unsigned seed = 1) {
    const auto bytes = file.extension() == ".png" ? encode_png(picture(width, height, seed))
                                                  : encode_jpeg(picture(width, height, seed), 90);
    put(file, bytes);
}

class ExplainCommand : public testing::Test {
protected:
    ExplainCommand() {
        model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
        Preprocessing preprocessing;
        preprocessing.width = preprocessing.height = 64;
        model::write_metadata(network, preprocessing, {"cat, tom", "dog", "crane", "crane", "bird", "<b>&\"bold\""});
        model::save(network, path("model.onnx"));
        write_picture(path("photos/a/cat.jpg"), 120, 80, 1);
        write_picture(path("photos/b/cat.jpg"), 90, 140, 2);
        write_picture(path("photos/wide.png"), 300, 50, 3);
    }

    fs::path path(const std::string& below) const { return folder_.path() / below; }
    Outcome run(const std::vector<std::string>& arguments, const std::string& standard_input = {}) const {
        return run_locus(folder_.path(), arguments, standard_input);
    }
    json results(const std::string& out = "locus-out") const {
        return json::parse(read_text(path(out + "/results.json")));
    }

    ScratchFolder folder_;
};

}  // namespace locus::test
