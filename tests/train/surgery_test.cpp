#include "train/surgery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "train/export.hpp"
#include "train/frozen_trunk.hpp"
#include "train/gap_head.hpp"
#include "train/random.hpp"

namespace locus::train {
namespace {

using test::error_of;
using testing::HasSubstr;

TEST(FindCut, IsTheLayerThePaperCutsAt) {
    // Zhou et al. 2016, section 3: conv5 of AlexNet (13 x 13), conv5-3 of VGGnet and inception4e of GoogLeNet (14 x
    // 14). The builder's -gap networks end in the paper's own convolution at that resolution, so the cut is their last
    // map.
    const auto cut = [](const char* name) {
        return find_cut(model::build({.name = name, .classes = 3, .width = 0.05}));
    };
    EXPECT_EQ(cut("alexnet-gap"), "cam_conv.relu");
    EXPECT_EQ(cut("vgg16-gap"), "cam_conv.relu");
    EXPECT_EQ(cut("vgg16"), "conv5_3.relu");
    EXPECT_EQ(cut("resnet18"), "layer3.1.relu2");  // 14 x 14; layer4 has 7 x 7
}

TEST(NewHead, RunsInOnnxRuntimeWithThePapersConvolution) {
    const model::Model old = model::build({.name = "resnet18", .classes = 3, .width = 0.05});
    for (const model::Head head : {model::Head::gap, model::Head::gmp, model::Head::sum, model::Head::fc}) {
        const model::Model m =
            with_new_head(old, {.cut_at = "layer3.1.relu2", .classes = 7, .convolution = 16, .head = head});
        EXPECT_EQ(m.graph.initializers.at("new/conv.weight").shape(),
                  (Shape{16, 13, 3, 3}));  // 256 channels at width 0.05
        Tensor x(DataType::float32, {1, 3, 224, 224});
        const Tensor scores = runtime::Session(m, {.threads = 1}).run({{"input", x}}, {"logits"}).at(0);
        EXPECT_EQ(scores.shape(), (Shape{1, 7}));
        EXPECT_EQ(find_pooled_head(m.graph, "logits").has_value(),
                  head == model::Head::gap || head == model::Head::gmp);
    }
}

// Layers of half precision, and of operators whose shapes only a run tells.
TEST(NewHead, StandsBehindWhateverTheTrunkEndsIn) {
    const model::Model plain = model::build({.name = "tiny", .classes = 3, .width = 0.5, .image_size = 32});
    const std::string map = find_cut(plain);
    model::Model half = plain, contributed = plain;
    half.graph.nodes.push_back({.op_type = "Cast",
                                .inputs = {map},
                                .outputs = {"cut"},
                                .attributes = {{"to", static_cast<std::int64_t>(DataType::float16)}}});
    contributed.opsets["com.microsoft"] = 1;
    contributed.graph.nodes.push_back(
        {.op_type = "FastGelu", .inputs = {map}, .outputs = {"cut"}, .domain = "com.microsoft"});
    for (const model::Model* trunk : {&half, &contributed}) {
        const model::Model m = with_new_head(*trunk, {.cut_at = "cut", .classes = 7});
        const Tensor x(DataType::float32, {2, 3, 32, 32});
        const Tensor scores = runtime::Session(m, {.threads = 1}).run({{"input", x}}, {"logits"}).at(0);
        EXPECT_EQ(scores.shape(), (Shape{2, 7}));
        EXPECT_EQ(scores.type(), DataType::float32);
    }
}

TEST(PooledHead, IsFoundBehindASigmoid) {
    model::Model m = model::build({.name = "tiny", .classes = 3});
    const auto plain = find_pooled_head(m.graph, m.graph.outputs.front().name);
    ASSERT_TRUE(plain);
    end_in_sigmoid(m);
    const auto found = find_pooled_head(m.graph, m.graph.outputs.front().name);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->features, plain->features);
}

TEST(NewHead, UnknownTensorsAndVectorsAreRefused) {
    const model::Model old = model::build({.name = "tiny", .classes = 3, .width = 0.05});
    EXPECT_THAT(error_of([&] { with_new_head(old, {.cut_at = "layer2.1.relu3"}); }), HasSubstr("layer2.1.relu2"));
    EXPECT_THAT(error_of([] { head_named("max"); }), HasSubstr("gap, gmp, sum and fc"));
}

TEST(LinearLayer, SeparatesWhatALineSeparates) {
    // Two features on very different scales; the class is whether 100 a + b / 100 is positive.
    constexpr int n = 600;
    Tensor features(DataType::float32, {n, 2});
    std::vector<std::vector<int>> labels;
    Random random(3);
    for (int i = 0; i < n; ++i) {
        const double a = random.uniform(-1, 1), b = random.uniform(-1, 1);
        features.mutable_values<float>()[2 * static_cast<std::size_t>(i)] = static_cast<float>(a / 100 + 5);
        features.mutable_values<float>()[2 * static_cast<std::size_t>(i) + 1] = static_cast<float>(100 * b - 30);
        labels.push_back({a + b > 0 ? 1 : 0});
    }
    const LinearLayer layer = fit_linear_layer(features, labels, 2, false, 400, 1);
    const auto w = layer.weight.values<float>(), bias = layer.bias.values<float>();
    int right = 0;
    for (int i = 0; i < n; ++i) {
        const float a = features.values<float>()[2 * static_cast<std::size_t>(i)],
                    b = features.values<float>()[2 * static_cast<std::size_t>(i) + 1];
        const double margin =
            static_cast<double>(w[2] - w[0]) * a + static_cast<double>(w[3] - w[1]) * b + bias[1] - bias[0];
        right += (margin > 0) == (labels[static_cast<std::size_t>(i)][0] == 1);
    }
    EXPECT_GT(right, 0.97 * n);
}

}  // namespace
}  // namespace locus::train
