#include "model/networks/builder.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "locus/error.hpp"
#include "model/networks/random_weights.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"

namespace model = locus::model;
using locus::Tensor;
using model::Head;
using model::NetworkOptions;
using testing::HasSubstr;

namespace {

/// Learned values: convolutions, linear layers, batch normalisation's scale and shift (not its running statistics), as
/// the published counts have it.
std::int64_t learned_parameters(const model::Model& m) {
    std::int64_t count = 0;
    for (const auto& [name, tensor] : m.graph.initializers) {
        if (name.ends_with(".weight") || name.ends_with(".bias")) count += tensor.size();
    }
    return count;
}

/// Multiply-adds of convolutions and linear layers, from the output shapes that a run shows.
std::int64_t multiply_adds(const model::Model& m, std::int64_t image_size) {
    model::Model exposed = m;
    exposed.graph.outputs.clear();
    std::vector<std::string> names;
    std::vector<const model::Node*> nodes;
    for (const model::Node& node : m.graph.nodes) {
        if (!node.is("Conv") && !node.is("Gemm")) continue;
        names.push_back(node.output(0));
        nodes.push_back(&node);
        model::ValueInfo info;
        info.name = names.back();
        exposed.graph.outputs.push_back(info);
    }
    const locus::runtime::Session session(exposed, {.threads = 1, .optimize = false});
    const auto outputs =
        session.run({{"input", Tensor(locus::DataType::float32, {1, 3, image_size, image_size})}}, names);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const Tensor& weight = *m.graph.find_constant(nodes[i]->input(1));
        sum += outputs[i].size() * (weight.size() / weight.shape()[0]);
    }
    return sum;
}

Tensor random_image(std::int64_t n, std::int64_t channels, std::int64_t size) {
    Tensor image(locus::DataType::float32, {n, channels, size, size});
    model::RandomWeights(7, "image").fill_normal(image.mutable_values<float>(), 1);
    return image;
}

std::vector<float> logits(const NetworkOptions& options, std::int64_t n, std::int64_t size) {
    const model::Model m = model::build(options);
    const locus::runtime::Session session(m, {.threads = 1});
    const auto output = m.graph.outputs.front().name;
    const Tensor result = session.run({{"input", random_image(n, options.channels, size)}}, {output}).front();
    EXPECT_EQ(result.shape(), (locus::Shape{n, options.classes}));
    const auto values = result.values<float>();
    return {values.begin(), values.end()};
}

/// An image size at which each network still has a map, small enough to be quick.
int small_size(const std::string& name) { return name == "alexnet-gap" || name == "nin" ? 96 : 64; }

bool all_finite_and_different(const std::vector<float>& values) {
    bool different = false;
    for (const float value : values) {
        if (!std::isfinite(value)) return false;
        different |= value != values.front();
    }
    return different;
}

std::string error_of(const NetworkOptions& options) {
    try {
        model::build(options);
    } catch (const locus::Error& error) {
        EXPECT_EQ(error.kind(), locus::ErrorKind::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST(Builder, FullSizeNetworksHaveThePublishedParameterCounts) {
    // torchvision.models' documentation: mobilenet_v2 3504872, resnet18 11689512, resnet50 25557032, vgg16 138357544.
    EXPECT_EQ(learned_parameters(model::build({.name = "mobilenet-v2"})), 3'504'872);
    EXPECT_EQ(learned_parameters(model::build({.name = "resnet18"})), 11'689'512);
    EXPECT_EQ(learned_parameters(model::build({.name = "resnet50"})), 25'557'032);
    EXPECT_EQ(learned_parameters(model::build({.name = "vgg16"})), 138'357'544);
}

TEST(Builder, MobileNetV2HasThePublishedMultiplyAdds) {
    // Sandler et al. 2018, table 4: 300 million. The sum over the layers of their table 2 is 300774272.
    EXPECT_NEAR(static_cast<double>(multiply_adds(model::build({.name = "mobilenet-v2"}), 224)), 300e6, 2e6);
}

TEST(Builder, TinyIsSmallEnoughToTrainOnACpu) {
    const model::Model tiny = model::build({.name = "tiny", .classes = 100});
    EXPECT_NEAR(static_cast<double>(learned_parameters(tiny)), 1.748e6, 0.001e6);
    EXPECT_NEAR(static_cast<double>(multiply_adds(tiny, 64)), 204.1e6, 0.5e6);
}

TEST(Builder, MapsHaveThePapersSizes) {
    // Zhou et al. 2016, section 3: 13 x 13 for AlexNet, 14 x 14 for VGGnet and GoogLeNet; the others: their papers'
    // last stage.
    const std::vector<std::tuple<const char*, const char*, int, std::int64_t>> expected{
        {"alexnet-gap", "cam_conv.relu", 227, 13},
        {"googlenet-gap", "cam_conv.relu", 224, 14},
        {"vgg16-gap", "cam_conv.relu", 224, 14},
        {"mobilenet-v2", "conv2.relu6", 224, 7},
        {"resnet18", "layer4.1.relu2", 224, 7},
        {"resnet50", "layer4.2.relu3", 224, 7},
        {"tiny", "layer2.1.relu2", 64, 8},
        {"nin", "conv4.mlp2.relu", 224, 6},
        {"vgg16", "pool5", 224, 7}};
    for (const auto& [name, layer, size, positions] : expected) {
        model::Model m = model::build({.name = name, .classes = 3, .width = 0.03});
        model::ValueInfo info;
        info.name = layer;
        m.graph.outputs.push_back(info);
        const locus::runtime::Session session(m, {.threads = 1});
        const auto map = session.run({{"input", random_image(1, 3, size)}}, {layer}).front();
        EXPECT_EQ(map.shape()[2], positions) << name;
        EXPECT_EQ(map.shape()[3], positions) << name;
    }
}

TEST(Builder, EveryNetworkRunsWithEveryHead) {
    for (const std::string& name : model::network_names()) {
        for (const Head head : {Head::gap, Head::gmp, Head::sum, Head::fc}) {
            const int size = small_size(name);
            const auto values =
                logits({.name = name, .classes = 7, .width = 0.1, .image_size = size, .head = head}, 2, size);
            EXPECT_TRUE(all_finite_and_different(values)) << name << " head " << static_cast<int>(head);
        }
    }
}

TEST(Builder, EveryOpsetComputesTheSame) {
    for (const char* name : {"mobilenet-v2", "nin", "googlenet-gap"}) {
        for (const Head head : {Head::gap, Head::sum}) {
            std::vector<float> first;
            for (int opset = 7; opset <= 21; ++opset) {
                const int size = small_size(name);
                const auto values = logits({.name = name,
                                            .classes = 5,
                                            .width = 0.1,
                                            .image_size = size,
                                            .opset = opset,
                                            .head = head,
                                            .softmax = true},
                                           1, size);
                if (first.empty()) first = values;
                EXPECT_EQ(values, first) << name << " at opset " << opset;
            }
        }
    }
}

TEST(Builder, BatchNormalisationCanBeLeftOut) {
    for (const char* name : {"mobilenet-v2", "resnet18", "tiny"}) {
        NetworkOptions options{.name = name, .classes = 5, .width = 0.1, .image_size = 64};
        EXPECT_NE(model::serialize(model::build(options)).find("BatchNormalization"), std::string::npos);
        options.batch_norm = false;
        EXPECT_EQ(model::serialize(model::build(options)).find("BatchNormalization"), std::string::npos);
        EXPECT_TRUE(all_finite_and_different(logits(options, 1, 64)));
    }
}

TEST(Builder, DynamicNetworksTakeAnySizeAndBatch) {
    const NetworkOptions options{.name = "resnet18", .classes = 4, .width = 0.1, .dynamic_size = true};
    EXPECT_TRUE(all_finite_and_different(logits(options, 3, 96)));
    EXPECT_TRUE(all_finite_and_different(logits(options, 1, 160)));
    const auto input = model::build(options).graph.inputs.front();
    EXPECT_EQ(input.shape->at(0).symbol, "n");
    EXPECT_EQ(input.shape->at(1).value, 3);
    EXPECT_EQ(input.shape->at(2).symbol, "h");
}

TEST(Builder, FixedNetworksSayTheirShape) {
    const auto graph = model::build({.name = "tiny", .classes = 4, .channels = 1, .batch = 2}).graph;
    const std::vector<std::int64_t> expected{2, 1, 64, 64};
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(graph.inputs.front().shape->at(i).value, expected[i]);
    EXPECT_EQ(graph.outputs.front().shape->at(0).value, 2);
    EXPECT_EQ(graph.outputs.front().shape->at(1).value, 4);
}

TEST(Builder, TheSeedAloneDecides) {
    const NetworkOptions options{.name = "tiny", .classes = 4, .width = 0.25, .seed = 5};
    NetworkOptions other = options;
    other.seed = 6;
    EXPECT_EQ(model::serialize(model::build(options)), model::serialize(model::build(options)));
    EXPECT_NE(model::serialize(model::build(options)), model::serialize(model::build(other)));
}

TEST(RandomWeights, EachTensorHasItsOwnStream) {
    model::RandomWeights a(0, "conv1.weight");
    model::RandomWeights b(0, "conv1.weight");
    model::RandomWeights c(0, "conv2.weight");
    model::RandomWeights d(1, "conv1.weight");
    const auto first = a.next();
    EXPECT_EQ(first, b.next());
    EXPECT_NE(first, c.next());
    EXPECT_NE(first, d.next());
}

TEST(RandomWeights, AreTheSameBitsEverywhere) {
    // Recorded once, and recomputed in Python with integers: a change here changes every network that was ever built.
    std::vector<float> values(3);
    model::RandomWeights(0, "conv1.weight").fill_normal(values, 1);
    EXPECT_EQ(values, (std::vector<float>{0x1.b643520000000p+0F, 0x1.3ea4aa0000000p-2F, 0x1.8a797e0000000p-6F}));
    model::RandomWeights(0, "conv1.weight").fill_uniform(values, 1);
    EXPECT_EQ(values, (std::vector<float>{0x1.8edc6c0000000p-3F, -0x1.53031a0000000p-2F, 0x1.6a45080000000p-2F}));
}

TEST(RandomWeights, HaveTheAskedMoments) {
    std::vector<float> values(200'000);
    const auto moments = [&] {
        double sum = 0, squares = 0;
        for (const float v : values) sum += v, squares += static_cast<double>(v) * v;
        const auto n = static_cast<double>(values.size());
        return std::pair(sum / n, std::sqrt(squares / n));
    };
    model::RandomWeights(1, "normal").fill_normal(values, 0.5);
    EXPECT_NEAR(moments().first, 0, 0.005);  // 4.5 standard errors
    EXPECT_NEAR(moments().second, 0.5, 0.004);
    model::RandomWeights(1, "uniform").fill_uniform(values, 3);
    EXPECT_NEAR(moments().first, 0, 0.02);
    EXPECT_NEAR(moments().second, std::sqrt(3.0), 0.01);  // limit / sqrt(3)
    EXPECT_LE(*std::max_element(values.begin(), values.end()), 3);
}

TEST(Builder, WrongOptionsAreNamed) {
    EXPECT_THAT(error_of({.name = "resnet19"}), HasSubstr("did you mean 'resnet18'"));
    EXPECT_THAT(error_of({.opset = 6}), HasSubstr("opset is 6"));
    EXPECT_THAT(error_of({.opset = 22}), HasSubstr("between 7 and 21"));
    EXPECT_THAT(error_of({.classes = 0}), HasSubstr("classes"));
    EXPECT_THAT(error_of({.width = -1}), HasSubstr("width"));
    EXPECT_THAT(error_of({.width = std::nan("")}), HasSubstr("width"));
    EXPECT_THAT(error_of({.batch = 0}), HasSubstr("batch"));
    EXPECT_THAT(error_of({.name = "vgg16", .dynamic_size = true}), HasSubstr("fixed image size"));
    EXPECT_THAT(error_of({.name = "vgg16", .width = 16}), HasSubstr("more than an ONNX file can hold"));
    EXPECT_THAT(error_of({.name = "alexnet-gap", .image_size = 16}), HasSubstr("too small"));
}
