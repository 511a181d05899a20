#include "evaluate/model_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"

namespace locus::evaluate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ModelNames, AreThoseOfTheFilesWithoutEnding) {
    EXPECT_THAT(model_names({"a/resnet50.onnx", "b/vgg16.onnx"}), ElementsAre("resnet50", "vgg16"));
}

TEST(ModelNames, OfFilesOfOneNameHaveTheFoldersThatTellThemApart) {
    EXPECT_THAT(model_names({"x/m1/model.onnx", "net.onnx", "./y/m2/model.onnx"}),
                ElementsAre("m1/model", "net", "m2/model"));
    EXPECT_THAT(model_names({"x/m/model.onnx", "y/m/model.onnx"}), ElementsAre("x/m/model", "y/m/model"));
    EXPECT_THAT(model_names({"model.onnx", "m/model.onnx"}), ElementsAre("model", "m/model"));
    EXPECT_THAT(model_names({"m/model.onnx", "m/model.ort"}), ElementsAre("model.onnx", "model.ort"));
}

TEST(ModelNames, AFileGivenTwiceIsRefused) {
    for (const char* again : {"m/model.onnx", "./m/model.onnx", "m/../m/model.onnx"}) {
        EXPECT_THAT(test::error_of([&] {
                        model_names({"m/model.onnx", again});
                    }),
                    HasSubstr("is given twice"))
            << again;
    }
    EXPECT_THAT(model_names({"m/model.onnx", "m/other.onnx"}), ElementsAre("model", "other"));
}

}  // namespace
}  // namespace locus::evaluate
