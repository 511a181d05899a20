#include "evaluate/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "error_of.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/scratch_folder.hpp"

namespace locus::evaluate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CheckOfPictures : public testing::Test {
protected:
    CheckOfPictures() {
        model::save(model::build({.name = "tiny", .classes = 3, .width = 0.25, .image_size = 32}), options_.model);
        Image image{.width = 40, .height = 30, .rgb = std::vector<std::uint8_t>(40 * 30 * 3)};
        for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i * 7);
        const auto bytes = encode_png(image);
        folder_.write("good.png", bytes);
        folder_.write("bad.png", "no picture");
    }

    Check check(const std::vector<std::string>& files, const CheckObserver& observer = {}) const {
        std::vector<std::string> inputs;
        for (const std::string& file : files) inputs.push_back(folder_ / file);
        std::istringstream none;
        return evaluate::check(options_, batch::list_inputs(inputs, none), observer);
    }

    test::ScratchFolder folder_;
    CheckOptions options_{
        .model = folder_ / "model.onnx", .sanity = {.methods = {"cam"}, .steps = 2}, .out = folder_ / "out"};
};

TEST_F(CheckOfPictures, WhatCannotBeReadIsToldAndLeftOut) {
    std::vector<std::string> left_out;
    CheckObserver observer;
    observer.left_out = [&](const std::string& name, const std::string& why) {
        EXPECT_NE(why, "");
        left_out.push_back(std::filesystem::path(name).filename());
    };
    const Check done = check({"bad.png", "missing.png", "good.png"}, observer);
    EXPECT_THAT(left_out, ElementsAre("bad.png", "missing.png"));
    EXPECT_EQ(done.left_out, 2U);
    EXPECT_EQ(done.result.classes.size(), 1U);
    for (const char* file : {"check.json", "check.html", "maps/good.png"})
        EXPECT_TRUE(std::filesystem::is_regular_file(options_.out / file)) << file;
    EXPECT_THAT(test::error_of([&] { check({"bad.png"}); }), "io: none of the images can be read");
    EXPECT_THAT(test::error_of([&] { check({}); }), "usage: there are no images to look at");
}

TEST_F(CheckOfPictures, WithoutMethodsThoseThatApplyAreChecked) {
    options_.sanity.methods.clear();
    std::vector<std::string> methods;
    for (const MethodSanity& method : check({"good.png"}).result.methods) methods.push_back(method.method);
    EXPECT_THAT(methods, ElementsAre("cam", "grad-cam", "layer-cam", "eigen-cam", "input-x-gradient", "guided-backprop",
                                     "random"));
}

TEST_F(CheckOfPictures, AFolderOfOthersIsWrittenIntoOnPurposeOnly) {
    folder_.write("out/notes.txt", "not ours");
    EXPECT_THAT(test::error_of([&] { check({"good.png"}); }), HasSubstr("holds other files"));
    EXPECT_FALSE(std::filesystem::exists(options_.out / "check.json"));
    options_.overwrite = true;
    check({"good.png"});
    options_.overwrite = false;
    check({"good.png"});  // a check's folder by now
    EXPECT_TRUE(std::filesystem::exists(options_.out / "notes.txt"));
}

}  // namespace
}  // namespace locus::evaluate
