// The number explained: its gradient as nodes against differences of the number itself, which is computed without a
// graph.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "explain/class_pass.hpp"
#include "explain/input_scores.hpp"
#include "explain/map_graph.hpp"
#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/settings.hpp"
#include "locus/error.hpp"
#include "locus/explainer.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/exported/networks.hpp"
#include "support/loaded_network.hpp"
#include "support/method_settings.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

using test::error_of;
using test::Exporter;
using test::loaded;
using testing::HasSubstr;

/// A smooth network, so that differences need not avoid kinks: `classes` scores, or [n, classes, 4, 4] of them.
model::Model smooth_network(std::int64_t classes, bool segments = false, const char* activation = nullptr) {
    Exporter write({.opset = 17});
    std::string x = write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1});
    x = write.node("Tanh", {x});
    x = write.conv(write.silu(x), 8, 12, {.kernel = 3, .stride = 2, .pad = 1});
    x = write.named(write.node("Tanh", {x}), "target");
    if (segments) return write.finish(write.conv(x, 12, classes, {}));
    x = write.classifier(write.flattened_pool(write.silu(x)), 12, classes);
    if (activation != nullptr) x = write.node(activation, {x});
    return write.finish(x);
}

/// <dy/dx, d> of item 0 by the graph, and by a four-point difference of `score`.
void expect_gradient_of_score(const Network& network, const MethodOptions& options, std::int64_t index) {
    const ClassPass pass(std::make_unique<MapGraph>(network, options, MapOf::input),
                         [](MapGraph& graph, const model::Value& classes) {
                             return std::vector<model::Value>{graph.input_gradient(classes)};
                         });
    const Tensor x = random_input(network, 1, 4), direction = random_input(network, 1, 5);
    const auto gradient = pass.run_given(x, Tensor::of<std::int64_t>({1}, {index}))[0];
    const double expected = std::inner_product(gradient.values<float>().begin(), gradient.values<float>().end(),
                                               direction.values<float>().begin(), 0.0);
    const InputScores scores(network, options, false);
    const auto y = [&](double by) {
        Tensor moved = x;
        for (std::size_t i = 0; i < moved.values<float>().size(); ++i)
            moved.mutable_values<float>()[i] += static_cast<float>(by * direction.values<float>()[i]);
        const Tensor logits = scores.run(moved);
        return scores.score(logits.values<float>(), index);
    };
    const double h = 0.02;
    const double difference = (8 * (y(h) - y(-h)) - (y(2 * h) - y(-2 * h))) / (12 * h);
    EXPECT_GT(std::abs(difference), 1e-4);
    EXPECT_NEAR(expected, difference, 2e-3 * std::max(0.1, std::abs(difference)));
}

MethodOptions target(const std::string& kind) {
    MethodOptions options;
    set(options, "target", kind);
    return options;
}

TEST(Targets, AxesOfExtentOneBesideTheClassesChangeNothing) {
    const auto network_of = [](const Shape& scores) {
        Exporter write({.opset = 17});
        std::string x = write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1});
        x = write.named(write.node("Tanh", {x}), "target");
        return loaded(write.finish(write.reshape(write.classifier(write.flattened_pool(x), 8, 5), scores)));
    };
    const Network plain = network_of({test::batch, 5});
    const Tensor x = random_input(plain, 2, 4);
    const auto nearly = [](const Tensor& a, const Tensor& b, const std::string& of) {
        ASSERT_EQ(a.shape(), b.shape()) << of;
        for (std::int64_t i = 0; i < a.size(); ++i) {
            const auto at = static_cast<std::size_t>(i);
            ASSERT_NEAR(a.values<float>()[at], b.values<float>()[at], 1e-5) << of;
        }
    };
    const std::vector<Shape> shapes{{test::batch, 1, 5}, {test::batch, 1, 1, 5}, {test::batch, 5, 1, 1}};
    for (const Shape& shape : shapes) {
        const Network network = network_of(shape);
        for (const char* method : {"cam", "grad-cam", "hires-cam", "score-cam", "ablation-cam", "recipro-cam",
                                   "saliency", "occlusion", "finer-cam"}) {
            const auto expected = find_method(method).prepare(plain, {}).explain(x, {.top_k = 2});
            const auto found = find_method(method).prepare(network, {}).explain(x, {.top_k = 2});
            nearly(found.logits, expected.logits, method);
            nearly(found.maps, expected.maps, method);
        }
    }
    EXPECT_EQ(score_extents({-1, 1, 4, 4}).classes, 1);
    EXPECT_EQ(score_extents({-1, 1, 4, 4}).positions, 16);
    EXPECT_EQ(score_extents({-1, 5, 4, 4}).classes, 5);
}

TEST(Targets, GradientsAreThoseOfTheNumber) {
    const Network network = loaded(smooth_network(5));
    for (const char* kind : {"logit", "probability", "difference"}) {
        SCOPED_TRACE(kind);
        expect_gradient_of_score(network, target(kind), 2);
    }
    MethodOptions similarity = target("similarity");
    similarity.target.reference = Tensor::of<float>({5}, {0.3F, -1, 0.5F, 2, -0.7F});
    expect_gradient_of_score(network, similarity, 0);
}

TEST(Targets, OneScoreIsARegressionOrABinaryDecision) {
    const Network network = loaded(smooth_network(1));
    expect_gradient_of_score(network, target("logit"), 0);
    expect_gradient_of_score(network, target("probability"), 0);
    EXPECT_EQ(find_method("grad-cam").prepare(network, {}).classes, 1);
}

TEST(Targets, LabelsWithASigmoidStandEachByItself) {
    const Network network = loaded(smooth_network(5, false, "Sigmoid"));
    EXPECT_EQ(network.head.activation, model::Activation::sigmoid);
    expect_gradient_of_score(network, target("logit"), 3);
    expect_gradient_of_score(network, target("probability"), 3);
}

TEST(Targets, OfASegmentationNetworkAreMeansOverTheMask) {
    const Network network = loaded(smooth_network(3, true));
    MethodOptions options = target("mask");
    options.target.mask = Tensor::of<float>({4, 4}, {0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0});
    expect_gradient_of_score(network, options, 1);
    options.layer = "target";
    const Attribution a =
        find_method("hires-cam").prepare(network, options).explain(random_input(network, 1, 4), {.top_k = 1});
    // The scores are a 1x1 convolution of the layer: only positions in the mask have evidence.
    for (std::size_t p = 0; p < 16; ++p)
        EXPECT_EQ(a.maps.values<float>()[p] != 0, options.target.mask->values<float>()[p] > 0) << p;
    EXPECT_THAT(error_of([&] {
                    MethodOptions wrong = options;
                    wrong.target.mask = Tensor(DataType::float32, {5, 4});
                    find_method("hires-cam").prepare(network, wrong);
                }),
                HasSubstr("20 values where the scores have 16 positions"));
    EXPECT_THAT(error_of([&] {
                    MethodOptions wrong = options;
                    wrong.target.mask = Tensor(DataType::float32, {4, 4});
                    find_method("hires-cam").prepare(network, wrong);
                }),
                HasSubstr("the target mask is empty"));
}

TEST(Targets, CamOfAProbabilityIsGradCamOfItOverThePositions) {
    const Network network = loaded(smooth_network(5));
    const Tensor x = random_input(network, 1, 4);
    const MethodOptions options = target("probability");
    const Attribution cam = find_method("cam").prepare(network, options).explain(x, {.top_k = 1});
    const Attribution gradient = find_method("grad-cam").prepare(network, options).explain(x, {.top_k = 1});
    const auto positions = static_cast<double>(cam.maps.size());
    for (std::size_t p = 0; p < cam.maps.values<float>().size(); ++p)
        EXPECT_NEAR(cam.maps.values<float>()[p], positions * gradient.maps.values<float>()[p], 1e-5);
}

TEST(Targets, PerturbationExplainsTheNumberChosen) {
    const Network network = loaded(smooth_network(5));
    const Tensor x = random_input(network, 1, 4);
    const auto map = [&](const char* method, const MethodOptions& options) {
        return find_method(method).prepare(network, options).explain(x, {.top_k = 0, .indices = {1}}).maps;
    };
    // Occlusion: the drop of the probability unless told otherwise, then of what was asked for.
    const Tensor standard = map("occlusion", {}), probability = map("occlusion", target("probability")),
                 logit = map("occlusion", target("logit"));
    EXPECT_TRUE(std::ranges::equal(standard.values<float>(), probability.values<float>()));
    EXPECT_FALSE(std::ranges::equal(standard.values<float>(), logit.values<float>()));
}

TEST(Targets, SimilarityToAPhotoIsOneForThePhotoItself) {
    const test::ScratchFolder folder;
    const auto file = folder.path() / "network.onnx";
    model::save(smooth_network(5), file);
    Image photo{.width = 20, .height = 20, .rgb = std::vector<std::uint8_t>(20 * 20 * 3)};
    Image other = photo;
    for (std::size_t i = 0; i < photo.rgb.size(); ++i) {
        photo.rgb[i] = static_cast<std::uint8_t>(i * 7 % 251);
        other.rgb[i] = static_cast<std::uint8_t>(i * i % 83);
    }
    const Explainer explainer(
        file, {.method = "grad-cam", .settings = {{"target", "similarity"}}, .target_image = photo, .threads = 1});
    const auto same = explainer.explain(photo), different = explainer.explain(other);
    ASSERT_EQ(same.size(), 1U);
    EXPECT_NEAR(same[0].score, 1.0, 1e-6);
    EXPECT_LT(different[0].score, 0.9999);
    EXPECT_FALSE(different[0].probability);
    EXPECT_TRUE(std::ranges::any_of(different[0].map.values, [](float value) { return value != 0; }));
    EXPECT_THROW(Explainer(file, {.settings = {{"target", "similarity"}}}), Error);  // by the method auto too
}

TEST(EigenSmoothing, IsForMethodsThatSumOverChannels) {
    const Network network = loaded(test::squeeze_excite({.opset = 17}).model);
    const Tensor x = random_input(network, 1, 4);
    MethodOptions options{.seed = 1, .samples = 2, .steps = 2};
    set(options, "smooth", "eigen");
    for (const Method& method : methods()) {
        if (method.name == "cam") continue;  // its head has two linear layers
        SCOPED_TRACE(method.name);
        if (!method.weighs_channels) {
            EXPECT_THAT(error_of([&] { prepare(method, network, options); }), HasSubstr("eigen smoothing"));
            continue;
        }
        MethodOptions plain = options;
        plain.eigen_smooth = false;
        const Tensor smooth = prepare(method, network, options).explain(x, {.top_k = 1}).maps,
                     rough = prepare(method, network, plain).explain(x, {.top_k = 1}).maps;
        EXPECT_EQ(smooth.shape(), rough.shape());
        EXPECT_FALSE(std::ranges::equal(smooth.values<float>(), rough.values<float>()));
    }
}

TEST(SeveralLayers, AreFusedByEveryMethodThatHasLayers) {
    const Network network = loaded(test::squeeze_excite({.opset = 17}).model);
    const Tensor x = random_input(network, 2, 4);
    int fused = 0;
    for (const Method& method : methods()) {
        if (method.name == "cam" || method.map_of_input) continue;
        SCOPED_TRACE(method.name);
        MethodOptions options{.layer = "target,target_mid", .fusion = Fusion::max, .samples = 2, .steps = 2};
        try {
            const Prepared prepared = prepare(method, network, options);
            const Tensor maps = prepared.explain(x, {.top_k = 2}).maps;
            EXPECT_EQ(prepared.target_layer, "target,target_mid");
            const std::int64_t side = method.name == "guided-grad-cam" ? test::exported_size : 12;
            EXPECT_EQ(maps.shape(), (Shape{2, 2, side, side}));
            EXPECT_GE(*std::ranges::min_element(maps.values<float>()), 0.0F);
            EXPECT_LE(*std::ranges::max_element(maps.values<float>()), 1.0F);
            ++fused;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr("has no layer"));
        }
    }
    EXPECT_GE(fused, 20);
}

/// Inputs as they are fed to a network of free batch and to one of another shape of inputs.
TEST(Inputs, FixedBatchesAndSeveralInputsGiveTheSameMaps) {
    const model::Model free = test::bottleneck({.opset = 17, .style = test::Style::simplified}).model;
    model::Model fixed = free;
    fixed.graph.inputs[0].shape->front() = {.value = 2};
    model::Model scaled = free;  // x * scale, scale an input of its own
    scaled.graph.inputs.push_back(
        {.name = "scale", .type = DataType::float32, .shape = std::vector<model::Dimension>{{.value = 1}}});
    for (model::Node& node : scaled.graph.nodes)
        std::replace(node.inputs.begin(), node.inputs.end(), std::string("input"), std::string("scaled"));
    scaled.graph.nodes.insert(
        scaled.graph.nodes.begin(),
        model::Node{.op_type = "Mul", .inputs = {"input", "scale"}, .outputs = {"scaled"}, .name = "mul"});
    const test::ScratchFolder folder;
    const auto save = [&](const model::Model& model, const char* name) {
        model::save(model, folder.path() / name);
        return folder.path() / name;
    };
    const auto free_file = save(free, "free.onnx"), fixed_file = save(fixed, "fixed.onnx"),
               scaled_file = save(scaled, "scaled.onnx");
    const Network network = load_network(free_file, {.threads = 1});
    const Tensor x = random_input(network, 3, 4);
    EXPECT_THAT(error_of([&] { Explainer(scaled_file, {}); }),
                HasSubstr("'scale' needs a value, float [1]: give one with --feed scale="));
    // Masks hold infinities, so they are taken; where they spoil the scores, no weight is to blame.
    const Tensor infinity = Tensor::of<float>({1}, {std::numeric_limits<float>::infinity()});
    EXPECT_THAT(error_of([&] {
                    Explainer(scaled_file, {.method = "cam", .input = "input", .feeds = {{"scale", infinity}}});
                }),
                HasSubstr("from a random input: the value that its input 'scale' is fed holds infinity"));
    for (const Method& method : methods()) {
        SCOPED_TRACE(method.name);
        ExplainerOptions options{.method = method.name,
                                 .settings = test::settings_for(method, {{"samples", "2"}, {"steps", "2"}}),
                                 .threads = 1};
        const auto expected = Explainer(free_file, options).explain(x);
        const auto by_two = Explainer(fixed_file, options).explain(x);
        options.input = "input";
        options.feeds = {{"scale", Tensor::of<float>({1}, {1.0F})}};
        const auto fed = Explainer(scaled_file, options).explain(x);
        for (const auto* other : {&by_two, &fed}) {
            ASSERT_EQ(other->size(), 3U);
            for (std::size_t i = 0; i < 3; ++i) {
                const auto &a = expected[i][0].map.values, &b = (*other)[i][0].map.values;
                ASSERT_EQ(a.size(), b.size());
                double scale = 1e-12, error = 0;
                for (std::size_t p = 0; p < a.size(); ++p) {
                    scale = std::max(scale, std::abs(static_cast<double>(a[p])));
                    error = std::max(error, std::abs(static_cast<double>(a[p]) - b[p]));
                }
                EXPECT_LE(error, 1e-3 * scale) << "item " << i << (other == &by_two ? ", fixed" : ", fed");
            }
        }
    }
}

TEST(Classes, NoneIsRefusedByEveryMethod) {
    const test::ScratchFolder folder;
    const auto file = folder.path() / "model.onnx";
    model::save(smooth_network(3), file);
    for (const char* method : {"grad-cam", "grad-cam,layer-cam", "saliency", "occlusion"}) {
        const Explainer explainer(file, {.method = method, .threads = 1});
        const Tensor x = random_input(load_network(file, {}), 1, 1);
        EXPECT_THAT(error_of([&] { explainer.explain(x, {.classes = {}}); }), HasSubstr("no class is asked for"));
        EXPECT_THAT(error_of([&] { explainer.explain(x, {.classes = {ClassRequest{}}}); }),
                    HasSubstr("no class is asked for"));
    }
}

TEST(Explanations, SayWhatPartOfThePhotoTheyCover) {
    const test::ScratchFolder folder;
    const auto file = folder.path() / "model.onnx";
    model::save(smooth_network(3), file);
    const auto crop = [](Preprocessing& p) {
        p.resize = Resize::crop;
        p.crop_pct = 1;
    };
    const Explainer explainer(file, {.preprocessing = crop, .threads = 1});
    const Image photo{.width = 90, .height = 60, .rgb = std::vector<std::uint8_t>(90 * 60 * 3, 7)};
    const Explanation e = explainer.explain(photo).front();
    EXPECT_EQ(e.region.x, 15);
    EXPECT_EQ(e.region.width, 60);
    EXPECT_EQ(e.region.height, 60);
}

TEST(Explanations, EvidenceIsTheMapTurnedUprightFromItsZero) {
    const Explanation e{.map = {.width = 2, .height = 1, .values = {3, -1}}, .zero = 3, .sign = -1};
    EXPECT_THAT(e.evidence().values, testing::ElementsAre(0, 4));
}

TEST(Inputs, AValueThatAnInputDoesNotTakeIsRefusedByTheInputsName) {
    model::Model model = smooth_network(3);
    const std::string scores = model.graph.outputs[0].name;
    model.graph.inputs.push_back({.name = "prior",
                                  .type = DataType::float32,
                                  .shape = std::vector<model::Dimension>{{.symbol = "n"}, {.value = 3}}});
    model.graph.nodes.push_back(
        model::Node{.op_type = "Add", .inputs = {scores, "prior"}, .outputs = {"sum"}, .name = "add"});
    model.graph.outputs[0].name = "sum";
    const test::ScratchFolder folder;
    const auto file = folder.path() / "model.onnx";
    model::save(model, file);
    const auto error = [&](const std::vector<runtime::Feed>& feeds) {
        return error_of([&] { load_network(file, {.feeds = feeds}); });
    };
    const auto zeros = [](Shape shape, DataType type = DataType::float32) { return Tensor(type, std::move(shape)); };
    EXPECT_EQ(error({}), "usage: the input 'prior' needs a value, float [n, 3]: give one with --feed prior=FILE.npy");
    EXPECT_EQ(error({{"prior", zeros({1, 7})}}),
              "usage: the input 'prior' takes float [n, 3], but is fed float [1, 7]");
    EXPECT_EQ(error({{"prior", zeros({1, 1, 3})}}),
              "usage: the input 'prior' takes float [n, 3], but is fed float [1, 1, 3]");
    EXPECT_EQ(error({{"prior", zeros({1, 3}, DataType::float64)}}),
              "usage: the input 'prior' takes float [n, 3], but is fed double [1, 3]");
    EXPECT_EQ(error({{"prier", zeros({1, 3})}}),
              "usage: the model has no input 'prier' to feed; did you mean 'prior'?");
    EXPECT_EQ(error({{"prior", zeros({1, 3})}, {"prior", zeros({1, 3})}}),
              "usage: the input 'prior' is fed twice, but takes one value");
    EXPECT_THAT(error({{model.graph.inputs[0].name, zeros({1, 3})}}), HasSubstr("takes the image"));
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(error({{"prior", Tensor::of<float>({1, 3}, {0, infinity, nan})}}),
              "usage: the value that the input 'prior' is fed holds NaN at [0, 2]");
    // Broadcast, as the graph's own arithmetic does.
    for (const Shape& shape : {Shape{1, 3}, Shape{3}, Shape{1, 1}, Shape{}})
        EXPECT_EQ(load_network(file, {.feeds = {{"prior", zeros(shape)}}}).model.graph.inputs.size(), 1U);
}

TEST(Inputs, NormalisedValuesAreNoBytes) {
    Exporter write({.opset = 17});
    const std::string pixels = write.input(3, 16);
    const std::string floats = write.node("Cast", {pixels}, {{"to", std::int64_t{1}}});
    const std::string x = write.relu(write.conv(floats, 3, 8, {.kernel = 3, .stride = 2, .pad = 1}));
    model::Model model = write.finish(write.classifier(write.flattened_pool(x), 8, 4));
    model.graph.inputs.front().type = DataType::uint8;
    const test::ScratchFolder folder;
    model::save(model, folder.path() / "bytes.onnx");
    const Explainer explainer(folder.path() / "bytes.onnx", {.threads = 1});
    Tensor x_of_photo(DataType::float32, {1, 3, 16, 16});
    for (float& value : x_of_photo.mutable_values<float>()) value = 255;
    EXPECT_EQ(explainer.explain(x_of_photo).size(), 1U);
    x_of_photo.mutable_values<float>()[7] = -2.5F;
    EXPECT_THAT(error_of([&] { explainer.explain(x_of_photo); }),
                HasSubstr("takes bytes, 0 to 255, but the array holds -2.5"));
}

TEST(Inputs, WhatDeclaresAFreeBatchButReshapesToOneItemRunsOneByOne) {
    model::Model model = test::vit_mean({.opset = 17, .style = test::Style::simplified}).model;
    const Network free = loaded(model);
    for (const model::Node& node : model.graph.nodes) {
        if (!node.is("Reshape")) continue;
        Tensor& shape = model.graph.initializers.at(node.input(1));
        if (shape.values<std::int64_t>()[0] == 0) shape.mutable_values<std::int64_t>()[0] = 1;
    }
    const Network single = loaded(model);
    const Tensor x = random_input(free, 2, 4);
    for (const char* method : {"grad-cam", "saliency", "score-cam", "recipro-cam", "occlusion", "smooth-grad"}) {
        SCOPED_TRACE(method);
        const MethodOptions options{.layer = "", .seed = 3, .samples = 3};
        const Tensor expected = find_method(method).prepare(free, options).explain(x, {.top_k = 1}).maps,
                     maps = find_method(method).prepare(single, options).explain(x, {.top_k = 1}).maps;
        ASSERT_EQ(maps.shape(), expected.shape());
        double scale = 1e-12, error = 0;
        for (std::size_t i = 0; i < maps.values<float>().size(); ++i) {
            scale = std::max(scale, std::abs(static_cast<double>(expected.values<float>()[i])));
            error =
                std::max(error, std::abs(static_cast<double>(expected.values<float>()[i]) - maps.values<float>()[i]));
        }
        EXPECT_LE(error, 1e-3 * scale);
    }
}

TEST(Auto, IsCamWhereItIsDefinedElseTheBestGradientMethod) {
    const test::ScratchFolder folder;
    const auto method_of = [&](const model::Model& model, const std::string& layer = "") {
        model::save(model, folder.path() / "network.onnx");
        return Explainer(folder.path() / "network.onnx", {.layer = layer, .threads = 1}).method();
    };
    EXPECT_EQ(method_of(test::bottleneck({}).model), "cam");
    EXPECT_EQ(method_of(test::bottleneck({}).model, "target_mid"), "hires-cam");  // cam takes the pooled layer only
    EXPECT_EQ(method_of(test::squeeze_excite({}).model), "hires-cam");            // two linear layers
    EXPECT_EQ(method_of(test::vit({}).model), "hires-cam");
}

TEST(Auto, IsOcclusionWhereGradientsEnd) {
    Exporter write({.opset = 17});
    const std::string x = write.relu(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1}));
    const std::string rounded = write.node("Round", {write.relu(write.classifier(write.flattened_pool(x), 8, 6))});
    const test::ScratchFolder folder;
    model::save(write.finish(write.classifier(rounded, 6, 4)), folder.path() / "network.onnx");
    const Explainer explainer(folder.path() / "network.onnx", {.threads = 1});
    EXPECT_EQ(explainer.method(), "occlusion");
    EXPECT_THAT(explainer.warnings(),
                testing::Contains(HasSubstr("occlusion here, not hires-cam: 'logits' does not depend smoothly")));
}

TEST(Scores, SqueezedOfTheirBatchAreRefused) {
    Exporter write({.opset = 17});
    const std::string x = write.relu(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1}));
    const std::string scores = write.classifier(write.flattened_pool(x), 8, 4);
    model::Model model = write.finish(write.node("Squeeze", {scores, write.ints({0})}));
    model.graph.inputs.front().shape->front() = model::Dimension{.value = 1, .symbol = ""};
    EXPECT_THAT(error_of([&] { loaded(model); }), HasSubstr("first dimension has to count the photos, [1, 4]"));
}

TEST(Errors, AnOperatorWithoutADerivativeIsNamedWithTheLayersThatWork) {
    Exporter write({.opset = 17});
    std::string x = write.named(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1}), "early");
    const std::string product = write.node("CumSum", {x, write.whole(3)});
    x = write.named(write.conv(product, 8, 8, {.kernel = 3, .pad = 1}), "late");
    const Network network = loaded(write.finish(write.classifier(write.flattened_pool(write.silu(x)), 8, 4)));
    const std::string message = error_of([&] { find_method("grad-cam").prepare(network, {.layer = "early"}); });
    EXPECT_THAT(message, HasSubstr("CumSum"));
    EXPECT_THAT(message, HasSubstr(product));
    EXPECT_THAT(message, HasSubstr("early"));
    EXPECT_THAT(message, HasSubstr("late"));
    EXPECT_NO_THROW(find_method("grad-cam").prepare(network, {.layer = "late"}));
}

}  // namespace
}  // namespace locus::explain
