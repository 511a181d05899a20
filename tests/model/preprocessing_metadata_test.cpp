#include "model/metadata/preprocessing_metadata.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/scratch_folder.hpp"

namespace fs = std::filesystem;
namespace model = locus::model;
using locus::ColorOrder;
using locus::DataType;
using locus::Layout;
using locus::Resize;
using locus::test::error_of;
using locus::test::ScratchFolder;
using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::HasSubstr;

namespace {

/// A graph input; -1 stands for a dimension that is not fixed.
model::ValueInfo input(const std::vector<std::int64_t>& shape, DataType type = DataType::float32) {
    model::ValueInfo info;
    info.name = "input";
    info.type = type;
    info.shape.emplace();
    for (const std::int64_t d : shape)
        info.shape->push_back(d < 0 ? model::Dimension{{}, "d"} : model::Dimension{d, ""});
    return info;
}

const model::ValueInfo free_input = input({-1, 3, -1, -1});

model::Model with(std::map<std::string, std::string> metadata) {
    model::Model m;
    m.metadata = std::move(metadata);
    return m;
}

model::Metadata read(std::map<std::string, std::string> metadata, const model::ValueInfo& port = free_input) {
    return model::read_metadata(with(std::move(metadata)), {}, port);
}

/// What is read of a model in a folder with this preprocessor_config.json and config.json.
model::Metadata read_beside(std::string_view preprocessor, std::string_view config = {},
                            const model::ValueInfo& port = free_input) {
    const ScratchFolder folder;
    if (!preprocessor.empty()) folder.write("preprocessor_config.json", preprocessor);
    if (!config.empty()) folder.write("config.json", config);
    return model::read_metadata({}, folder / "model.onnx", port);
}

}  // namespace

TEST(PreprocessingMetadata, NothingSaidMeansImageNet) {
    const auto found = read({});
    EXPECT_THAT(found.preprocessing.mean, ElementsAre(0.485F, 0.456F, 0.406F));
    EXPECT_THAT(found.preprocessing.std, ElementsAre(0.229F, 0.224F, 0.225F));
    EXPECT_EQ(found.preprocessing.width, 224);
    EXPECT_EQ(found.preprocessing.resize, Resize::squash);
    EXPECT_EQ(found.origins.at("mean"), "ImageNet default");
    EXPECT_EQ(found.origins.at("size"), "ImageNet default");
    EXPECT_TRUE(found.labels.empty());
    EXPECT_FALSE(found.origins.contains("labels"));
}

TEST(PreprocessingMetadata, EveryKeyOfTheModelIsRead) {
    const auto found = read({{"mean", "[0.1, 0.2, 0.3]"},
                             {"std", "0.5"},
                             {"range", "0..255"},
                             {"size", "320x240"},
                             {"layout", "NHWC"},
                             {"color", "BGR"},
                             {"resize", "crop"},
                             {"crop_pct", "0.9"},
                             {"labels", "cat\ndog"}},
                            input({-1, -1, -1, -1}));
    const auto& p = found.preprocessing;
    EXPECT_THAT(p.mean, ElementsAre(0.1F, 0.2F, 0.3F));
    EXPECT_THAT(p.std, ElementsAre(0.5F, 0.5F, 0.5F));
    EXPECT_EQ(p.range, 255);
    EXPECT_EQ(p.width, 320);
    EXPECT_EQ(p.height, 240);
    EXPECT_EQ(p.layout, Layout::nhwc);
    EXPECT_EQ(p.color, ColorOrder::bgr);
    EXPECT_EQ(p.resize, Resize::crop);
    EXPECT_EQ(p.crop_pct, 0.9F);
    EXPECT_THAT(found.labels, ElementsAre("cat", "dog"));
    for (const char* key : {"mean", "std", "range", "size", "layout", "color", "resize", "crop_pct", "labels"}) {
        EXPECT_EQ(found.origins.at(key), "model metadata") << key;
    }
}

TEST(PreprocessingMetadata, WhatIsWrittenIsReadBack) {
    locus::Preprocessing p;
    p.width = 160, p.height = 96;
    p.mean = {0.1F, 1.0F / 3, 0.7F};
    p.std = {1.0F / 255, 0.2F, 3};
    p.range = 255;
    p.resize = Resize::crop;
    p.crop_pct = 0.96F;
    p.color = ColorOrder::bgr;
    p.layout = Layout::nhwc;
    model::Model m;
    model::write_metadata(m, p, {"a, b", "two\nlines", ""});
    const auto found = model::read_metadata(m, {}, input({-1, -1, -1, 3}));
    EXPECT_EQ(found.preprocessing.mean, p.mean);  // to the last bit
    EXPECT_EQ(found.preprocessing.std, p.std);
    EXPECT_EQ(found.preprocessing.range, p.range);
    EXPECT_EQ(found.preprocessing.width, p.width);
    EXPECT_EQ(found.preprocessing.height, p.height);
    EXPECT_EQ(found.preprocessing.resize, p.resize);
    EXPECT_EQ(found.preprocessing.crop_pct, p.crop_pct);
    EXPECT_EQ(found.preprocessing.color, p.color);
    EXPECT_EQ(found.preprocessing.layout, p.layout);
    EXPECT_THAT(found.labels, ElementsAre("a, b", "two lines"));
    model::write_metadata(m, p, {});
    EXPECT_EQ(m.metadata.at("labels"), "a, b\ntwo lines\n");  // no labels given: those there stay
}

TEST(PreprocessingMetadata, TheFirstConvolutionSaysWhatOpenSizesLeaveOut) {
    const auto found_of = [](std::int64_t channels, std::int64_t group, bool transposed,
                             const std::vector<std::int64_t>& shape) {
        model::Model m;
        model::NodeWriter write(m.graph, "test");
        const auto weight = write.constant(locus::Tensor(DataType::float32, {8, channels / group, 3, 3}));
        std::string tensor = write.node("Mul", {"input", write.constant(locus::Tensor::scalar(0.5F))});
        if (transposed) tensor = write.node("Transpose", {tensor}, {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}});
        write.node("Conv", {tensor, weight}, {{"group", group}});
        return model::read_metadata(m, {}, input(shape)).preprocessing;
    };
    EXPECT_EQ(found_of(3, 1, false, {-1, -1, -1, -1}).color, ColorOrder::rgb);
    EXPECT_EQ(found_of(1, 1, false, {-1, -1, -1, -1}).color, ColorOrder::gray);
    EXPECT_EQ(found_of(1, 1, true, {-1, -1, -1, -1}).layout, Layout::nhwc);
    EXPECT_EQ(found_of(4, 2, false, {-1, -1, -1, -1}).other_channels, 4);
    const auto sized = found_of(3, 1, true, {-1, 96, 128, -1});
    EXPECT_EQ(sized.layout, Layout::nhwc);
    EXPECT_EQ(sized.height, 96);
    EXPECT_EQ(sized.width, 128);
    EXPECT_EQ(found_of(3, 1, false, {-1, -1, 96, 128}).width, 128);
    EXPECT_EQ(read({}, input({-1, -1, -1, -1})).preprocessing.color, ColorOrder::rgb);  // nothing tells
}

TEST(PreprocessingMetadata, TheGraphFixesWhatItFixes) {
    auto found = read({}, input({1, 3, 192, 256}));
    EXPECT_EQ(found.preprocessing.height, 192);
    EXPECT_EQ(found.preprocessing.width, 256);
    EXPECT_EQ(found.origins.at("size"), "graph input");
    EXPECT_EQ(found.origins.at("layout"), "graph input");

    found = read({{"size", "224"}, {"layout", "NCHW"}}, input({1, 96, 96, 3}));
    EXPECT_EQ(found.preprocessing.width, 96);
    EXPECT_EQ(found.preprocessing.layout, Layout::nhwc);
    EXPECT_EQ(found.origins.at("size"), "graph input");

    found = read({{"size", "96"}}, input({1, 3, 96, 96}));
    EXPECT_EQ(found.origins.at("size"), "model metadata");
}

TEST(PreprocessingMetadata, OneChannelIsGray) {
    const auto found = read({}, input({-1, 1, 28, 28}));
    EXPECT_EQ(found.preprocessing.color, ColorOrder::gray);
    EXPECT_EQ(found.preprocessing.layout, Layout::nchw);
    EXPECT_EQ(found.preprocessing.width, 28);
    EXPECT_NEAR(found.preprocessing.mean[0], (0.485 + 0.456 + 0.406) / 3, 1e-6);
    EXPECT_EQ(read({}, input({1, 28, 28, 1})).preprocessing.layout, Layout::nhwc);
    EXPECT_THAT(error_of([] { read({{"color", "gray"}}); }), HasSubstr("takes 3 channels"));
}

TEST(PreprocessingMetadata, ByteInputsTakeBytes) {
    const auto found = read({}, input({-1, 3, 64, 64}, DataType::uint8));
    EXPECT_EQ(found.preprocessing.type, DataType::uint8);
    EXPECT_EQ(found.preprocessing.range, 255);
    EXPECT_THAT(found.preprocessing.mean, ElementsAre(0, 0, 0));
    EXPECT_THAT(found.preprocessing.std, ElementsAre(1, 1, 1));
    EXPECT_EQ(found.origins.at("mean"), "graph input");
    EXPECT_EQ(read({}, input({-1, 3, 64, 64}, DataType::float16)).preprocessing.type, DataType::float16);
}

TEST(PreprocessingMetadata, InputsThatTakeNoPicturesAreRefused) {
    EXPECT_THAT(error_of([] { read({}, input({1, 10})); }), HasSubstr("has 2 dimensions"));
    EXPECT_THAT(error_of([] { read({}, input({1, 16}, DataType::int64)); }), HasSubstr("int64"));
    EXPECT_THAT(error_of([] { read({}, input({1, 3, 1'000'000, 1})); }), HasSubstr("1000000 pixels"));
}

TEST(PreprocessingMetadata, BadValuesAreNamedWithTheirKey) {
    const std::map<std::string, std::vector<std::string>> bad{
        {"mean", {"a,b,c", "0.5,0.5", "0.5 0.5 0.5 0.5", "123.675,116.28,103.53", "nan", "inf", ","}},
        {"std", {"0", "-1", "0.2,0.2,0", "x"}},
        {"range", {"1..2", "0..", "-1", "0..x"}},
        {"size", {"0", "-224", "1e9", "big", "2.5", "1,2,3"}},
        {"layout", {"CHW"}},
        {"color", {"YUV"}},
        {"resize", {"stretch"}},
        {"crop_pct", {"0", "1.5", "87%", "0.9,0.9"}}};
    for (const auto& [key, values] : bad) {
        for (const std::string& value : values) {
            const std::string error = error_of([&] { read({{key, value}}); });
            EXPECT_THAT(error, HasSubstr("model: the model's metadata says " + key + " = '" + value + "'"));
        }
    }
}

// Files in the forms that image processors of the transformers library, and timm, save.

TEST(HuggingFace, VitSquashesToItsSize) {
    const auto found = read_beside(
        R"({"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": 224})");
    EXPECT_THAT(found.preprocessing.mean, ElementsAre(0.5F, 0.5F, 0.5F));
    EXPECT_EQ(found.preprocessing.range, 1);
    EXPECT_EQ(found.preprocessing.resize, Resize::squash);
    EXPECT_EQ(found.origins.at("mean"), "preprocessor_config.json");
    EXPECT_EQ(found.origins.at("size"), "preprocessor_config.json");
}

TEST(HuggingFace, MobileNetResizesTheShorterSideAndCrops) {
    const auto found = read_beside(
        R"({"do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 256},
        "do_rescale": true, "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
    EXPECT_EQ(found.preprocessing.width, 224);
    EXPECT_EQ(found.preprocessing.resize, Resize::crop);
    EXPECT_FLOAT_EQ(found.preprocessing.crop_pct, 224.0F / 256);
    EXPECT_EQ(found.preprocessing.range, 1);
}

TEST(HuggingFace, DeitSquashesAndCrops) {
    for (const std::string size : {R"("size": {"height": 256, "width": 256})",
                                   R"("size": 256, "feature_extractor_type": "DeiTFeatureExtractor")",
                                   R"("size": 256, "image_processor_type": "BeitImageProcessor")"}) {
        const auto found = read_beside(R"({"do_center_crop": true, "crop_size": 224, )" + size + "}");
        EXPECT_EQ(found.preprocessing.width, 224);
        EXPECT_EQ(found.preprocessing.resize, Resize::squash_crop) << size;
        EXPECT_FLOAT_EQ(found.preprocessing.crop_pct, 0.875F);
    }
    // For others a single number is the shorter side.
    const auto clip = read_beside(R"({"do_center_crop": true, "crop_size": 224, "size": 256})");
    EXPECT_EQ(clip.preprocessing.resize, Resize::crop);
}

TEST(HuggingFace, LevitsSizeIsThatOfTheCrop) {
    const auto found = read_beside(
        R"({"do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 224},
        "image_processor_type": "LevitImageProcessor"})");
    EXPECT_EQ(found.preprocessing.resize, Resize::crop);
    EXPECT_FLOAT_EQ(found.preprocessing.crop_pct, 0.875F);
}

TEST(HuggingFace, EfficientNetDividesTwice) {
    const std::string config =
        R"("image_processor_type": "EfficientNetImageProcessor", "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.47853944, 0.4732864, 0.47434163])";
    // Its published deviations are the roots of ImageNet's.
    EXPECT_NEAR(read_beside("{" + config + "}").preprocessing.std[0], 0.229, 1e-6);
    EXPECT_NEAR(read_beside("{" + config + R"(, "include_top": false})").preprocessing.std[0], 0.478539, 1e-6);
}

TEST(HuggingFace, MobileVitTakesPixelsOfBgrAsTheyAre) {
    const auto found = read_beside(
        R"({"do_center_crop": true, "crop_size": 256, "size": {"shortest_edge": 288},
        "image_processor_type": "MobileViTImageProcessor", "rescale_factor": 0.00392156862745098})");
    EXPECT_THAT(found.preprocessing.mean, ElementsAre(0, 0, 0));
    EXPECT_THAT(found.preprocessing.std, ElementsAre(1, 1, 1));
    EXPECT_EQ(found.preprocessing.color, ColorOrder::bgr);
    EXPECT_FLOAT_EQ(found.preprocessing.crop_pct, 256.0F / 288);
}

TEST(HuggingFace, WhatIsNotSaidOfACropIsTheProcessorsOwn) {
    const auto levit =
        read_beside(R"({"do_center_crop": true, "size": 224, "feature_extractor_type": "LevitFeatureExtractor"})");
    EXPECT_EQ(levit.preprocessing.width, 224);
    EXPECT_FLOAT_EQ(levit.preprocessing.crop_pct, 0.875F);
    const auto convnext = read_beside(
        R"({"crop_pct": null, "size": {"shortest_edge": 224}, "image_processor_type": "ConvNextImageProcessor"})");
    EXPECT_EQ(convnext.preprocessing.resize, Resize::crop);
    EXPECT_FLOAT_EQ(convnext.preprocessing.crop_pct, 0.875F);
    const auto timm = read_beside("", R"({"pretrained_cfg": {"input_size": [3, 224, 224]}})");
    EXPECT_EQ(timm.preprocessing.resize, Resize::crop);
    EXPECT_FLOAT_EQ(timm.preprocessing.crop_pct, 0.875F);
}

TEST(HuggingFace, ConvNextsCropPercentHoldsForSmallSizesOnly) {
    const auto small = read_beside(
        R"({"crop_pct": 0.875, "size": {"shortest_edge": 224}, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]})");
    EXPECT_EQ(small.preprocessing.width, 224);
    EXPECT_EQ(small.preprocessing.resize, Resize::crop);
    EXPECT_EQ(small.preprocessing.crop_pct, 0.875F);
    const auto large = read_beside(R"({"crop_pct": 0.875, "size": {"shortest_edge": 384}})");
    EXPECT_EQ(large.preprocessing.resize, Resize::squash);
}

TEST(HuggingFace, RescalingIsPartOfTheNormalisation) {
    // Without rescaling the mean is of 0..255: (v - 127.5) / 127.5 is what 255 * (v / 255 - 0.5) / 127.5 is.
    const auto raw = read_beside(
        R"({"do_rescale": false, "image_mean": [127.5, 127.5, 127.5], "image_std": [127.5, 127.5, 127.5]})");
    EXPECT_EQ(raw.preprocessing.range, 255);
    EXPECT_THAT(raw.preprocessing.mean, ElementsAre(0.5F, 0.5F, 0.5F));
    EXPECT_THAT(raw.preprocessing.std, ElementsAre(127.5F, 127.5F, 127.5F));
    // v / 127.5 - 1, then the mean: 2 * (v / 255 - (0.2 + 1) / 2).
    const auto centred = read_beside(
        R"({"rescale_factor": 0.00784313725490196, "rescale_offset": true, "image_mean": [0.2, 0.2, 0.2], "image_std": [1, 1, 1]})");
    EXPECT_FLOAT_EQ(centred.preprocessing.range, 2);
    EXPECT_FLOAT_EQ(centred.preprocessing.mean[1], 0.6F);
    const auto plain =
        read_beside(R"({"do_normalize": false, "image_mean": [9, 9, 9], "do_flip_channel_order": true})");
    EXPECT_THAT(plain.preprocessing.mean, ElementsAre(0, 0, 0));
    EXPECT_THAT(plain.preprocessing.std, ElementsAre(1, 1, 1));
    EXPECT_EQ(plain.preprocessing.color, ColorOrder::bgr);
}

TEST(HuggingFace, LabelsComeFromConfigJson) {
    const auto found = read_beside("", R"({"id2label": {"1": "goldfish", "0": "tench"}, "image_size": 192})");
    EXPECT_THAT(found.labels, ElementsAre("tench", "goldfish"));
    EXPECT_EQ(found.origins.at("labels"), "config.json");
    EXPECT_EQ(found.preprocessing.width, 192);
    EXPECT_TRUE(read_beside("", R"({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}})").labels.empty());
}

TEST(HuggingFace, TimmsConfigIsUnderstood) {
    const auto found =
        read_beside("", R"({"architecture": "resnet50", "num_classes": 2, "label_names": ["n01440764", "n01443537"],
        "label_descriptions": {"n01440764": "tench", "n01443537": "goldfish"},
        "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "input_size": [3, 288, 256], "crop_pct": 0.95, "crop_mode": "center"}})");
    EXPECT_THAT(found.preprocessing.mean, ElementsAre(0.1F, 0.2F, 0.3F));
    EXPECT_EQ(found.preprocessing.height, 288);
    EXPECT_EQ(found.preprocessing.width, 256);
    EXPECT_EQ(found.preprocessing.crop_pct, 0.95F);
    EXPECT_EQ(found.preprocessing.resize, Resize::crop);
    EXPECT_THAT(found.labels, ElementsAre("tench", "goldfish"));
    EXPECT_EQ(found.origins.at("std"), "config.json");
    EXPECT_EQ(read_beside("", R"({"pretrained_cfg": {"crop_pct": 0.9, "crop_mode": "squash"}})").preprocessing.resize,
              Resize::squash_crop);
}

TEST(HuggingFace, TheModelItselfComesFirst) {
    const ScratchFolder folder;
    folder.write("preprocessor_config.json",
                 R"({"image_mean": [0.1, 0.1, 0.1], "image_std": [0.1, 0.1, 0.1], "size": 100})");
    const auto found = model::read_metadata(with({{"mean", "0.5"}}), folder / "model.onnx", input({-1, 3, 80, 80}));
    EXPECT_EQ(found.preprocessing.mean[0], 0.5F);
    EXPECT_EQ(found.preprocessing.std[0], 0.1F);
    EXPECT_EQ(found.origins.at("mean"), "model metadata");
    EXPECT_EQ(found.origins.at("std"), "preprocessor_config.json");
    EXPECT_EQ(found.preprocessing.width, 80);
    EXPECT_EQ(found.origins.at("size"), "graph input");
}

TEST(HuggingFace, AModelInAFolderNamedOnnxIsDescribedAboveIt) {
    const ScratchFolder folder;
    folder.write("config.json", R"({"id2label": {"0": "cat"}})");
    folder.write("onnx/model.onnx", "");
    EXPECT_THAT(model::read_metadata({}, folder / "onnx" / "model.onnx", free_input).labels, ElementsAre("cat"));
    EXPECT_TRUE(model::read_metadata({}, folder / "other" / "model.onnx", free_input).labels.empty());
}

TEST(HuggingFace, BadValuesAreNamedWithFileAndKey) {
    for (const auto& [text, sentence] : std::vector<std::pair<const char*, const char*>>{
             {R"({"image_mean": "x"})", "preprocessor_config.json beside the model says image_mean = '\"x\"'"},
             {R"({"image_mean": [1, 2]})", "image_mean"},
             {R"({"image_std": [0, 1, 1]})", "image_std"},
             {R"({"size": -3})", "size = '-3'"},
             {R"({"size": {"longest_edge": 3}})", "size"},
             {R"({"size": 1e30})", "size"},
             {R"({"do_rescale": 1})", "do_rescale"},
             {R"({"rescale_factor": 0})", "rescale_factor"},
             {R"({"crop_pct": 1.5})", "crop_pct"},
             {"{", "not valid JSON"}}) {
        EXPECT_THAT(error_of([&] { read_beside(text); }), HasSubstr(sentence)) << text;
    }
    EXPECT_THAT(error_of([] { read_beside("", R"({"id2label": {"x": "y"}})"); }), HasSubstr("id2label"));
    EXPECT_THAT(error_of([] { read_beside("", R"({"pretrained_cfg": {"input_size": [224, 224]}})"); }),
                HasSubstr("input_size"));
    EXPECT_NO_THROW(read_beside("[]", "3"));  // some other program's files
}

TEST(PreprocessingMetadata, OtherChannelsAreToldByTheGraph) {
    struct Case {
        std::vector<std::int64_t> shape;
        int channels, width, height;
        Layout layout;
    };
    for (const Case& c : std::vector<Case>{{{-1, 4, 64, 48}, 4, 48, 64, Layout::nchw},
                                           {{-1, 64, 48, 2}, 2, 48, 64, Layout::nhwc},
                                           {{1, 200, 9, 9}, 9, 9, 200, Layout::nhwc},  // fewer than the rows
                                           {{-1, 5, -1, -1}, 5, 224, 224, Layout::nchw},
                                           {{-1, -1, -1, 200}, 200, 224, 224, Layout::nhwc},
                                           {{-1, 16, 16, 16}, 16, 16, 16, Layout::nchw}}) {
        const model::Metadata found = read({{"mean", "0.5"}, {"color", "BGR"}, {"range", "0..255"}}, input(c.shape));
        const std::string where = testing::PrintToString(c.shape);
        EXPECT_EQ(found.preprocessing.color, locus::ColorOrder::other) << where;
        EXPECT_EQ(locus::channels(found.preprocessing), c.channels) << where;
        EXPECT_EQ(found.preprocessing.layout, c.layout) << where;
        EXPECT_EQ(found.preprocessing.width, c.width) << where;
        EXPECT_EQ(found.preprocessing.height, c.height) << where;
        // What is said of photos is left out.
        EXPECT_THAT(found.preprocessing.mean, ElementsAre(0, 0, 0)) << where;
        EXPECT_EQ(found.preprocessing.range, 1) << where;
    }
    // Rows and columns are no channels, and three or one are a photo's, wherever they stand.
    for (const std::vector<std::int64_t>& shape :
         std::vector<std::vector<std::int64_t>>{{-1, -1, 224, 224}, {-1, 3, 64, 2}, {-1, 64, 64, 3}, {-1, -1, -1, -1}})
        EXPECT_EQ(locus::channels(read({}, input(shape)).preprocessing), 3) << testing::PrintToString(shape);
    EXPECT_EQ(locus::channels(read({}, input({-1, 1, 28, 28})).preprocessing), 1);
    EXPECT_THAT(error_of([] { read({{"color", "other"}}); }), HasSubstr("RGB, BGR or gray"));
}

TEST(PreprocessingMetadata, StatisticsOfEachOfOtherChannelsAreNoError) {
    const auto four = input({-1, 4, 64, 64});
    EXPECT_NO_THROW(read({{"mean", "0.1,0.2,0.3,0.4"}, {"std", "1 1 1 1"}}, four));
    EXPECT_NO_THROW(read_beside(R"({"image_mean": [0.1, 0.2, 0.3, 0.4], "image_std": [1, 1, 1, 1]})",
                                R"({"pretrained_cfg": {"mean": [0.1, 0.2, 0.3, 0.4]}})", four));
    EXPECT_THAT(error_of([&] { read({{"mean", "0.1,0.2"}}, four); }), HasSubstr("mean"));
    EXPECT_THAT(error_of([] { read({{"mean", "0.1,0.2,0.3,0.4"}}); }), HasSubstr("mean"));
    // What is written is read again.
    model::Model model = with({});
    model::write_metadata(model, read({}, four).preprocessing, {"a", "b"});
    EXPECT_EQ(model.metadata.count("color"), 0U);
    EXPECT_EQ(model::read_metadata(model, {}, four).preprocessing, read({}, four).preprocessing);
    EXPECT_THAT(model::read_metadata(model, {}, four).labels, ElementsAre("a", "b"));
}

TEST(HuggingFace, NaNAndInfinityAreAbsentValues) {
    const model::Metadata read = read_beside(
        R"({"image_mean": [0.5, 0.4, 0.3], "crop_pct": NaN, "image_std": [0.2, 0.2, 0.2], "x": [-Infinity, {"y": Infinity}]})",
        R"({"initializer_range": NaN, "id2label": {"0": "NaN", "1": "a \"NaN, \\", "2": "to -Infinity"}})");
    EXPECT_EQ(read.preprocessing.mean, (std::array<float, 3>{0.5F, 0.4F, 0.3F}));
    EXPECT_EQ(read.origins.at("crop_pct"), "default");
    EXPECT_THAT(read.labels, ElementsAre("NaN", "a \"NaN, \\", "to -Infinity"));
    EXPECT_THAT(error_of([] { read_beside(R"({"image_mean": [NaN, 0.4, 0.3]})"); }), HasSubstr("image_mean"));
    EXPECT_THAT(error_of([] { read_beside(R"({"image_mean": NaNs})"); }), HasSubstr("not valid JSON"));
}

TEST(PreprocessingMetadata, SharedModelsSayWhatTheirTableSays) {
    const fs::path folder = fs::path(LOCUS_SHARED) / "models";
    if (!fs::exists(folder)) GTEST_SKIP() << "no shared models here";
    const auto of = [&](const char* name) {
        const model::Model m = model::load(folder / name);
        return model::read_metadata(m, folder / name, m.graph.inputs.front());
    };
    // The table in models/README.md.
    const auto mobilenet = of("mobilenet_v2_imagenet.onnx");
    EXPECT_EQ(mobilenet.labels.size(), 1000U);
    EXPECT_THAT(mobilenet.preprocessing.mean, ElementsAre(0.5F, 0.5F, 0.5F));
    EXPECT_EQ(mobilenet.preprocessing.width, 224);
    EXPECT_EQ(mobilenet.labels, model::read_labels(folder / "imagenet_labels.txt"));
    EXPECT_EQ(of("mobilenet_v1_025_imagenet.onnx").preprocessing.width, 128);
    EXPECT_EQ(of("squeezenet_imagenet.onnx").preprocessing.width, 227);
    EXPECT_EQ(of("mobilenet_v2_birds.onnx").labels.size(), 965U);
    EXPECT_EQ(of("resnet20_cifar10.onnx").labels.size(), 10U);
    const auto face = of("minifasnet.onnx").preprocessing;
    EXPECT_EQ(face.color, ColorOrder::bgr);
    EXPECT_FLOAT_EQ(face.range / face.std[0], 255);  // it takes 0..255
}
