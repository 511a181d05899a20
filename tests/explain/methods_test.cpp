#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "explain/augmentation.hpp"
#include "explain/batches.hpp"
#include "explain/class_pass.hpp"
#include "explain/fusion.hpp"
#include "explain/layer_split.hpp"
#include "explain/map_graph.hpp"
#include "explain/method.hpp"
#include "explain/methods/full_grad.hpp"
#include "explain/methods/principal_component.hpp"
#include "explain/network.hpp"
#include "explain/shared_pass.hpp"
#include "explain/target_layer.hpp"
#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/loaded_network.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

Network small(model::Head head = model::Head::gap) {
    return test::loaded(model::build({.name = "tiny", .classes = 5, .image_size = 32, .head = head, .seed = 3}));
}

Attribution explained(const Network& network, const char* method, const MethodOptions& options = {},
                      const ClassSelection& classes = {.top_k = 2}) {
    return find_method(method).prepare(network, options).explain(random_input(network, 2, 1), classes);
}

double distance(const Tensor& a, const Tensor& b, double factor = 1, double shift = 0) {
    double error = 0, scale = 1e-12;
    EXPECT_EQ(a.shape(), b.shape());
    for (std::size_t i = 0; i < a.values<float>().size(); ++i) {
        error = std::max(error, std::abs(a.values<float>()[i] * factor + shift - b.values<float>()[i]));
        scale = std::max(scale, std::abs(static_cast<double>(b.values<float>()[i])));
    }
    return error / scale;
}

TEST(GradientMethods, AreCamOverThePositionsBehindGlobalAveragePooling) {
    const Network network = small();
    const Attribution cam = explained(network, "cam");
    const double positions = static_cast<double>(cam.maps.shape()[2] * cam.maps.shape()[3]);
    for (const char* method : {"grad-cam", "hires-cam", "xgrad-cam", "shapley-cam"}) {
        EXPECT_LE(distance(explained(network, method).maps, cam.maps, positions), 1e-4) << method;
    }
}

TEST(GradientMethods, FurtherClassesAreWhatTheyAreAlone) {
    const Network network = small(model::Head::fc);
    for (const char* method : {"grad-cam++", "layer-cam", "saliency", "eigengrad-cam"}) {
        const Attribution both = explained(network, method, {}, {.top_k = 0, .indices = {1, 3}});
        const Attribution alone = explained(network, method, {}, {.top_k = 0, .indices = {3}});
        const std::size_t size = alone.maps.values<float>().size() / 2;
        for (std::size_t item = 0; item < 2; ++item) {
            for (std::size_t i = 0; i < size; ++i) {
                EXPECT_NEAR(both.maps.values<float>()[(item * 2 + 1) * size + i],
                            alone.maps.values<float>()[item * size + i], 1e-5)
                    << method;
            }
        }
    }
}

TEST(SharedMethods, GiveTheBytesOfEachAlone) {
    for (const model::Head head : {model::Head::gap, model::Head::fc}) {
        const Network network = small(head);
        std::vector<const Method*> all;
        for (const Method& method : methods()) {
            if (!(head == model::Head::fc && method.name == "cam")) all.push_back(&method);
        }
        const MethodOptions options{.seed = 7, .samples = 4, .steps = 3};
        const Tensor input = random_input(network, 2, 1);
        const SharedMethods shared(network, all, options);
        const auto together = shared.explain(input, {.top_k = 2});
        ASSERT_EQ(together.size(), all.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            const Prepared prepared = all[i]->prepare(network, options);
            const Attribution alone = prepared.explain(input, {.top_k = 2});
            EXPECT_EQ(shared.target_layer(i), prepared.target_layer) << all[i]->name;
            EXPECT_EQ(together[i].maps.shape(), alone.maps.shape()) << all[i]->name;
            const auto a = together[i].maps.bytes(), b = alone.maps.bytes();
            EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << all[i]->name;
        }
    }
}

TEST(SharedMethods, OnePassServesWhatExplainsTheSameNumberAtTheSameLayers) {
    const Network network = small();
    const auto passes = [&](const std::vector<std::string>& names) {
        std::vector<const Method*> chosen;
        for (const std::string& name : names) chosen.push_back(&find_method(name));
        return SharedMethods(network, chosen, {}).passes();
    };
    EXPECT_EQ(passes({"grad-cam", "grad-cam++", "layer-cam", "hires-cam", "xgrad-cam", "eigen-cam", "fem"}), 1U);
    EXPECT_EQ(passes({"grad-cam", "finer-cam"}), 2U);               // another number
    EXPECT_EQ(passes({"saliency", "layer-cam", "deconvnet"}), 2U);  // pixels and a layer
}

/// 10 times 0.7 is 7 in float32, but less than 7 exactly, and 10 times 1.3 is 13: what Locus writes for the sizes that
/// come out must be what ONNX Runtime expects there.
TEST(GradientMethods, RunBehindAResizeByAFraction) {
    for (const float scale : {0.7F, 1.3F}) {
        model::Model model;
        model.opsets[""] = 17;
        model.graph.inputs = {{"x", DataType::float32, {{{1, ""}, {3, ""}, {12, ""}, {12, ""}}}, {}, {}}};
        model::NodeWriter write(model.graph, "t");
        std::mt19937 random(7);
        const auto weights = [&](const Shape& shape) {
            Tensor tensor(DataType::float32, shape);
            for (float& value : tensor.mutable_values<float>()) value = std::normal_distribution<float>()(random);
            return write.constant(tensor);
        };
        const auto conv = write.node("Conv", {"x", weights({4, 3, 3, 3})});
        const auto scales = write.constant(Tensor::of<float>({4}, {1, 1, scale, scale}));
        const auto resized = write.node("Resize", {conv, "", scales}, {{"mode", std::string("linear")}});
        const auto mean = write.node("ReduceMean", {write.node("Relu", {resized})},
                                     {{"axes", std::vector<std::int64_t>{2, 3}}, {"keepdims", std::int64_t{0}}});
        const auto scores = write.node("MatMul", {mean, weights({4, 5})});
        model.graph.outputs = {{scores, DataType::float32, {}, {}, {}}};
        const Network network = test::loaded(model);
        for (const std::string& layer : {conv, resized}) {
            MethodOptions options;
            options.layer = layer;
            const Attribution maps =
                find_method("grad-cam").prepare(network, options).explain(random_input(network, 1, 1), {.top_k = 1});
            EXPECT_EQ(maps.maps.shape()[2], layer == conv ? 10 : scale < 1 ? 7 : 13);
        }
    }
}

TEST(FullGrad, PartsAddUpToTheScore) {
    // x . dy/dx + sum of b . dy/d out = y for networks of Relu and linear layers (Srinivas & Fleuret 2019, eq. 3).
    const Network network = small(model::Head::fc);
    ClassPass pass(
        std::make_unique<MapGraph>(network, MethodOptions{}, MapOf::input),
        [&](MapGraph& graph, const model::Value& classes) {
            const auto layers = biased_layers(graph.model().graph, network.input, network.head.logits, true);
            std::vector<std::string> wanted;
            for (const auto& layer : layers) wanted.push_back(layer.tensor);
            const auto gradients = graph.gradients(wanted, classes);
            std::vector<model::Value> parts{
                model::reshape(model::reduce_sum(graph.input() * graph.input_gradient(classes), {1, 2}), {-1, 1})};
            for (std::size_t i = 0; i < layers.size(); ++i) {
                const Shape shape = gradients[i].shape();
                std::int64_t positions = 1;
                for (std::size_t d = 2; d < shape.size(); ++d) positions *= shape[d];
                const model::Value flat = model::reshape(gradients[i], {-1, shape[1], positions});
                parts.push_back(model::reshape(
                    model::reduce_sum(flat * graph.emit().constant(layers[i].bias.reshaped({1, shape[1], 1})), {1, 2}),
                    {-1, 1}));
            }
            return parts;
        });
    const ClassOutputs out = pass.run(random_input(network, 1, 1), {.top_k = 1});
    double sum = 0;
    for (const Tensor& part : out.values[0]) sum += part.values<float>()[0];
    const double y = out.logits.values<float>()[static_cast<std::size_t>(out.class_indices.values<std::int64_t>()[0])];
    EXPECT_NEAR(sum, y, 1e-3 * std::max(1.0, std::abs(y)));
}

/// The bias of each convolution as a node of its own behind it: an Add, or a Sub of its negative, in turns.
model::Model with_biases_apart(model::Model model) {
    std::vector<model::Node> nodes;
    int taken = 0;
    for (model::Node node : model.graph.nodes) {
        const Tensor* own = node.is("Conv") ? model.graph.find_constant(node.input(2)) : nullptr;
        if (own == nullptr) {
            nodes.push_back(std::move(node));
            continue;
        }
        const bool subtracted = ++taken % 2 == 0;
        Tensor bias = own->to_float32().reshaped({1, own->size(), 1, 1});
        for (float& value : bias.mutable_values<float>()) value = subtracted ? -value : value;
        const std::string made = node.output(0), constant = made + "/bias", before = made + "/before";
        model.graph.initializers.emplace(constant, std::move(bias));
        node.inputs.resize(2);
        node.outputs = {before};
        nodes.push_back(std::move(node));
        nodes.push_back({.op_type = subtracted ? "Sub" : "Add", .inputs = {before, constant}, .outputs = {made}});
    }
    EXPECT_GT(taken, 2);
    model.graph.nodes = std::move(nodes);
    return model;
}

TEST(LayerSplit, APoolOfPartOfTheMapIsNotTakenForAGlobalOne) {
    const auto pooled_by = [](std::int64_t side) {
        model::Model model = model::build({.name = "tiny", .classes = 5, .image_size = 32, .seed = 3});
        for (model::Node& node : model.graph.nodes) {
            if (!node.is("GlobalAveragePool")) continue;
            node.op_type = "AveragePool";
            node.attributes = {{"kernel_shape", std::vector<std::int64_t>{side, side}},
                               {"strides", std::vector<std::int64_t>{side, side}}};
        }
        return LayerSplit(test::loaded(std::move(model)), {}).pooled();
    };
    const LayerSplit split(small(), {});
    ASSERT_TRUE(split.pooled());
    const std::int64_t side = split.layer().height;
    ASSERT_GT(side, 2);
    EXPECT_TRUE(pooled_by(side));
    EXPECT_FALSE(pooled_by(side - 1));
}

TEST(Augmentation, VariantsWhoseFormulaTurnedTheMapOverAreLaidTheSameWay) {
    // The image's own map stands upright, every variant's is turned over: -map speaks for the class.
    int calls = 0;
    const ExplainAll explain = [&](const Tensor&, const ClassSelection&) {
        const float up = calls++ == 0 ? 1.0F : -1.0F;
        Attribution a{.logits = Tensor::of<float>({1, 1}, {up}),
                      .class_indices = Tensor::of<std::int64_t>({1, 1}, {0})};
        a.maps = Tensor::of<float>({1, 1, 1, 2}, {3 * up, 3 * up});
        a.signs = {up > 0 ? 1 : -1};
        return std::vector<Attribution>{a};
    };
    const auto all = augmented(explain, Layout::nchw, Tensor(DataType::float32, {1, 1, 1, 2}), {});
    EXPECT_FLOAT_EQ(all.front().maps.values<float>()[0], 3);
}

TEST(IntegratedGradients, OfChannelsThatAreNoColoursAddUpFromZero) {
    // sum (x - 0) mean dy/dx = y(x) - y(0) (Sundararajan et al. 2017, completeness).
    const model::Model model =
        model::build({.name = "nin", .classes = 3, .width = 0.1, .image_size = 64, .channels = 5});
    const Network network = test::loaded(model);
    ASSERT_EQ(network.preprocessing.color, ColorOrder::other);
    const Tensor input = random_input(network, 1, 1);
    const Attribution a =
        find_method("integrated-gradients").prepare(network, {.steps = 128}).explain(input, {.top_k = 1});
    const auto best = static_cast<std::size_t>(a.class_indices.values<std::int64_t>()[0]);
    const Attribution zero = find_method("integrated-gradients")
                                 .prepare(network, {})
                                 .explain(Tensor(DataType::float32, input.shape()), {.top_k = 1});
    double sum = 0;
    for (const float value : a.maps.values<float>()) sum += value;
    const double difference = a.logits.values<float>()[best] - zero.logits.values<float>()[best];
    EXPECT_NEAR(sum, difference, 0.02 * std::max(1.0, std::abs(difference)));
}

TEST(FullGrad, CountsBiasesThatAreWrittenApart) {
    const model::Model model = model::build({.name = "nin", .classes = 5, .width = 0.1, .image_size = 64, .seed = 3});
    const Attribution own = explained(test::loaded(model), "full-grad");
    const Attribution apart = explained(test::loaded(with_biases_apart(model)), "full-grad");
    EXPECT_LE(distance(apart.maps, own.maps), 1e-4);
}

TEST(FullGrad, ANormalizationWhoseNumbersDoNotFitHasNoBias) {
    model::Graph graph;
    model::NodeWriter write(graph, "t");
    const auto ones = [&](std::int64_t count) {
        Tensor numbers(DataType::float32, {count});
        std::ranges::fill(numbers.mutable_values<float>(), 1.0F);
        return write.constant(numbers);
    };
    const auto fits = write.node("BatchNormalization", {"x", ones(3), ones(3), ones(3), ones(3)});
    const auto scores = write.node("BatchNormalization", {fits, ones(3), ones(3), ones(3), ones(1)});
    const auto layers = biased_layers(graph, "x", scores, false);
    ASSERT_EQ(layers.size(), 1U);
    EXPECT_EQ(layers[0].tensor, fits);
}

TEST(TargetLayer, WrongNamesAndLayersWithoutPositionsAreToldWithWhatWouldBeRight) {
    const Network network = small();
    const auto message = [&](const std::string& layer) {
        try {
            find_target_layer(network, network_shapes(network, network.model), layer);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_NE(message(network.head.target_layer + "x").find(network.head.target_layer), std::string::npos);
    EXPECT_NE(message(network.head.logits).find("no positions"), std::string::npos);
    EXPECT_NE(message(network.head.logits).find(network.head.target_layer), std::string::npos);
}

TEST(EveryMethod, GivesFiniteMapsAndTheSameOnesTwice) {
    const Network network = small();
    for (const Method& method : methods()) {
        SCOPED_TRACE(method.name);
        const MethodOptions options{.seed = 7, .samples = 8, .steps = 4};
        const Tensor input = random_input(network, 1, 2);
        const Attribution a = method.prepare(network, options).explain(input, {.top_k = 1});
        const Attribution b = method.prepare(network, options).explain(input, {.top_k = 1});
        const auto values = a.maps.values<float>();
        EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
        EXPECT_TRUE(std::equal(values.begin(), values.end(), b.maps.values<float>().begin()));
        EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float v) { return v != 0; }));
    }
}

TEST(Fusion, MeanRunsAtTheInputsSizeAndSharesOnePass) {
    const Network network = small();
    const std::string layers = "," + network.head.target_layer;
    const Attribution a = explained(network, "refine-cam", {}, {.top_k = 1});
    EXPECT_LE(*std::max_element(a.maps.values<float>().begin(), a.maps.values<float>().end()), 1.0F);
    const Tensor one = Tensor::of<float>({1, 2, 2}, {0, 1, 2, 4}), other = Tensor::of<float>({1, 1, 1}, {3});
    const Tensor mean = fused({one, other}, Fusion::mean, 2, 2);
    EXPECT_FLOAT_EQ(mean.values<float>()[0], 0.5F);  // (0 + 1) / 2, divided by the greatest, (1 + 1) / 2
    EXPECT_FLOAT_EQ(mean.values<float>()[3], 1.0F);
}

TEST(Occlusion, OfAnInputSmallerThanItsGridStaysInside) {
    const test::ScratchFolder folder;
    model::save(model::build({.name = "tiny", .classes = 3, .width = 0.25, .dynamic_size = true}),
                folder.path() / "m.onnx");
    for (const auto& [width, height] : {std::pair{4, 6}, std::pair{9, 1}, std::pair{2, 2}, std::pair{50, 3}}) {
        const auto resized = [&](Preprocessing& p) {
            p.width = width;
            p.height = height;
        };
        const Network network = load_network(folder.path() / "m.onnx", {.threads = 1, .preprocessing = resized});
        const Attribution a = explained(network, "occlusion", {}, {.top_k = 1});
        EXPECT_EQ(a.maps.shape(), (Shape{2, 1, 14, 14}));
        for (const float value : a.maps.values<float>()) EXPECT_TRUE(std::isfinite(value));
    }
}

TEST(RefineCam, ItsFineLayerIsTheOutputOfABlock) {
    const Network network = test::loaded(model::build({.name = "resnet50", .classes = 3, .width = 0.125}));
    EXPECT_EQ(coarse_to_fine_layers(network), "layer4.2.relu3,layer3.5.relu3");
}

TEST(Augmentation, MirroringTwiceChangesNothing) {
    const Network network = small();
    const Tensor input = random_input(network, 2, 5);
    EXPECT_EQ(distance(mirrored(mirrored(input, Layout::nchw), Layout::nchw), input), 0);
}

TEST(Augmentation, MapOfAMirroredImageIsTheMirroredMap) {
    const Network network = small();
    const Prepared prepared = find_method("grad-cam").prepare(network, {});
    const auto one = [&](const Tensor& inputs, const ClassSelection& classes) {
        return std::vector<Attribution>{prepared.explain(inputs, classes)};
    };
    const Tensor input = random_input(network, 2, 1);
    const ClassSelection classes{.top_k = 0, .indices = {1, 4}};
    const Tensor here = augmented(one, Layout::nchw, input, classes).front().maps;
    const Tensor there = augmented(one, Layout::nchw, mirrored(input, Layout::nchw), classes).front().maps;
    EXPECT_LE(distance(mirrored(there, Layout::nchw), here), 1e-5);
    EXPECT_GT(distance(here, explained(network, "grad-cam", {}, classes).maps), 1e-3);
}

TEST(PrincipalComponent, OfFeaturesOnALineIsTheLine) {
    // Positions at t = -2..2 along the direction (3, 4): the projection is 5 t, up to sign.
    std::vector<float> features;
    for (const float scale : {3.0F, 4.0F}) {
        for (int t = -2; t <= 2; ++t) features.push_back(scale * static_cast<float>(t) + 7.0F);
    }
    const auto map = principal_projection(features, 2, 5);
    const double sign = map[4] > 0 ? 1 : -1;
    for (int t = -2; t <= 2; ++t) EXPECT_NEAR(sign * map[static_cast<std::size_t>(t + 2)], 5.0 * t, 1e-9);
}

TEST(PrincipalComponent, IsAnEigenvectorOfTheGreatestEigenvalue) {
    // With G = X X^T of the centred features, the projection m has G m = |m|^2 m, and no other direction has more
    // variance than |m|^2.
    const auto check = [](std::size_t channels, std::size_t positions) {
        SCOPED_TRACE(std::to_string(channels) + " x " + std::to_string(positions));
        std::mt19937 random(5);
        std::vector<float> features(channels * positions);
        for (float& value : features) value = static_cast<float>(random() % 1000) / 1000.0F;
        const auto map = principal_projection(features, channels, positions);
        ASSERT_EQ(map.size(), positions);
        const auto multiplied = [&](const std::vector<double>& v) {
            std::vector<double> result(positions, 0.0);
            for (std::size_t k = 0; k < channels; ++k) {
                const float* x = features.data() + k * positions;
                const double mean = std::accumulate(x, x + positions, 0.0) / static_cast<double>(positions);
                double along = 0;
                for (std::size_t p = 0; p < positions; ++p) along += (x[p] - mean) * v[p];
                for (std::size_t p = 0; p < positions; ++p) result[p] += (x[p] - mean) * along;
            }
            return result;
        };
        const auto dot = [](const std::vector<double>& u, const std::vector<double>& v) {
            return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
        };
        const double variance = dot(map, map);
        const auto image = multiplied(map);
        for (std::size_t p = 0; p < positions; ++p)
            EXPECT_NEAR(image[p], variance * map[p], 1e-7 * variance * std::sqrt(variance));
        std::vector<double> other(positions);
        for (double& value : other) value = static_cast<double>(random() % 1000);
        for (int i = 0; i < 200; ++i) {  // power iteration from elsewhere
            other = multiplied(other);
            const double length = std::sqrt(dot(other, other));
            for (double& value : other) value /= length;
        }
        EXPECT_LE(dot(other, multiplied(other)), variance * (1 + 1e-9));
    };
    check(64, 49);    // fewer positions than channels: their Gram matrix
    check(8, 196);    // more: the channels' covariance
    check(300, 196);  // more steps than directions that stand out
    check(3, 5);
}

}  // namespace
}  // namespace locus::explain
