// What `differentiate` promises whatever the operators: paths, seeds, errors, names; and its manual.

#include "model/derivative.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "locus/error.hpp"
#include "model/derivative_check.hpp"
#include "model/networks/builder.hpp"

namespace locus::test {
namespace {

using testing::HasSubstr;

/// A gradient's shape, type and numbers for a model whose outputs and inputs are as they come.
Tensor run_gradient(model::Model model, const std::string& gradient, const std::vector<runtime::Feed>& feeds) {
    model.graph.outputs = {{gradient, DataType::float32, {}, {}, {}}};
    return runtime::Session(model, {.threads = 1}).run(feeds, {gradient}).front();
}

std::string message_of(const std::function<void()>& action, ErrorKind kind) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
}

TEST(Derivative, SeveralSeedsAddUp) {
    Graph g;
    const auto x = g.input({2, 3});
    const auto a = g.node("Mul", {x, g.number(2)}), b = g.node("Mul", {a, g.number(5)});
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    const auto ones = g.constant(filled({2, 3}, [] { return 1.0F; }));
    model = g.model();
    const auto gradient =
        model::differentiate(model, shapes, {model::Seed::with(a, ones), model::Seed::with(b, ones)}, {"x"}).at("x");
    const Tensor result = run_gradient(model, gradient, {{"x", g.sample(1)}});
    for (const float value : result.values<float>()) EXPECT_FLOAT_EQ(value, 2 + 10);
}

TEST(Derivative, ABodyThatReadsAroundItIsOnTheWay) {
    Graph g;
    const auto a = g.node("Mul", {g.input({2, 3}), g.number(2)});
    const auto chosen = g.node("If", {g.constant(Tensor::scalar(true))},
                               {{"then_branch", model::Opaque{.serialized = {}, .reads = {a}, .operators = {"Abs"}}}});
    const auto y = g.node("Add", {a, chosen});
    const auto ones = g.constant(filled({2, 3}, [] { return 1.0F; }));
    auto model = g.model();
    EXPECT_EQ(model::Index(model.graph).consumers(a).size(), 2U);
    auto shapes = model::infer_shapes(model);
    const auto differentiate = [&] { model::differentiate(model, shapes, {model::Seed::with(y, ones)}, {"x"}); };
    EXPECT_THAT(message_of(differentiate, ErrorKind::unsupported), HasSubstr("the operator If"));
}

TEST(Derivative, WantedTensorsOnOnePathAllGetTheirs) {
    Graph g;
    const auto a = g.node("Mul", {g.input({2, 3}), g.number(2)}), b = g.node("Mul", {a, g.number(5)}),
               y = g.node("Mul", {b, g.number(7)});
    const auto ones = g.constant(filled({2, 3}, [] { return 1.0F; }));
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    const auto gradients = model::differentiate(model, shapes, {model::Seed::with(y, ones)}, {"x", a, b, y});
    const std::map<std::string, float> expected{{"x", 70}, {a, 35}, {b, 7}, {y, 1}};
    for (const auto& [tensor, value] : expected) {
        const Tensor gradient = run_gradient(model, gradients.at(tensor), {{"x", g.sample(1)}});
        EXPECT_FLOAT_EQ(gradient.values<float>()[0], value);
    }
}

/// Only what lies between is touched: nothing before the layer, and nothing that the result does not need.
TEST(Derivative, AddsNothingOffThePath) {
    auto model = model::build({.name = "resnet18", .classes = 5, .width = 0.25, .image_size = 64, .batch = 1});
    const auto forward = model.graph.nodes.size();
    auto shapes = model::infer_shapes(model);
    std::string layer;
    for (const auto& node : model.graph.nodes) {
        if (node.is("GlobalAveragePool")) layer = node.input(0);
    }
    ASSERT_FALSE(layer.empty());
    model.graph.initializers["class"] = Tensor::of<std::int64_t>({1}, {3});
    const auto gradient =
        model::differentiate(model, shapes, {model::Seed::one_hot(model.graph.outputs[0].name, "class")}, {layer})
            .at(layer);
    // Pick the class's row, shape it, divide by the number of positions, spread it.
    EXPECT_LE(model.graph.nodes.size() - forward, 5U);
    for (std::size_t i = forward; i < model.graph.nodes.size(); ++i) EXPECT_NE(model.graph.nodes[i].op_type, "Conv");
    const auto needed = model::Index(model.graph).ancestors(gradient);
    for (std::size_t i = forward; i < model.graph.nodes.size(); ++i)
        EXPECT_TRUE(needed.contains(model.graph.nodes[i].output(0)));
    for (const auto& [name, value] : model.graph.initializers) {
        if (!name.starts_with("gradient/")) continue;
        EXPECT_TRUE(needed.contains(name)) << name;
    }
}

TEST(Derivative, SameGraphTwiceIsTheSameText) {
    const auto once = [] {
        auto model = model::build({.name = "mobilenet-v2", .classes = 5, .width = 0.25, .image_size = 64});
        auto shapes = model::infer_shapes(model);
        model.graph.initializers["class"] = Tensor::of<std::int64_t>({1}, {3});
        model::differentiate(model, shapes, {model::Seed::one_hot(model.graph.outputs[0].name, "class")},
                             {model.graph.inputs[0].name});
        return model::serialize(model);
    };
    EXPECT_EQ(once(), once());
}

TEST(Derivative, UnknownOperatorIsNamedWithTheLayersThatStillWork) {
    Graph g;
    const auto x = g.input({1, 2, 4, 4});
    const auto strange = g.node("NonMaximum", {x}, {}, "com.example");
    g.model().graph.nodes.back().name = "block1/nms";
    const auto later = g.node("Relu", {strange});
    const auto y = g.node("GlobalAveragePool", {later});
    const auto seed = g.random({1, 2, 1, 1});
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    // As a run would show it.
    shapes.set(strange, {DataType::float32, {1, 2, 4, 4}, {}}, {DataType::float32, {1, 2, 4, 4}, {}});
    const auto message = message_of([&] { model::differentiate(model, shapes, {model::Seed::with(y, seed)}, {"x"}); },
                                    ErrorKind::unsupported);
    EXPECT_THAT(message, HasSubstr("NonMaximum"));
    EXPECT_THAT(message, HasSubstr("com.example"));
    EXPECT_THAT(message, HasSubstr("block1/nms"));
    EXPECT_THAT(message, HasSubstr(strange));
    EXPECT_THAT(message, HasSubstr("'" + later + "'"));
    // And they do.
    auto works = g.model();
    EXPECT_EQ(model::differentiate(works, shapes, {model::Seed::with(y, seed)}, {later}).size(), 1U);
}

TEST(Derivative, RuleThatRefusesSaysWhyAndWhatWorks) {
    Graph g;
    const auto x = g.input({1, 2, 3, 3});
    const auto conv = g.node("Conv", {g.random({1, 2, 5, 5}), x});
    const auto y = g.node("Relu", {conv});
    const auto seed = g.random({1, 1, 3, 3});
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    const auto message = message_of([&] { model::differentiate(model, shapes, {model::Seed::with(y, seed)}, {"x"}); },
                                    ErrorKind::unsupported);
    EXPECT_THAT(message, HasSubstr("its weights depend on the layer asked for"));
    EXPECT_THAT(message, HasSubstr("'" + conv + "'"));
}

TEST(Derivative, TensorsThatDoNotExistOrDoNotMatter) {
    Graph g;
    const auto y = g.node("Relu", {g.input({2, 3})}), other = g.node("Exp", {"x"});
    const auto seed = g.random({2, 3});
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    EXPECT_THAT(message_of([&] { model::differentiate(model, shapes, {model::Seed::with(y, seed)}, {"nowhere"}); },
                           ErrorKind::usage),
                HasSubstr("'nowhere'"));
    EXPECT_THAT(message_of([&] { model::differentiate(model, shapes, {model::Seed::with(y, seed)}, {other}); },
                           ErrorKind::usage),
                testing::AllOf(HasSubstr(other), HasSubstr(y)));
    const auto zeros =
        model::differentiate(model, shapes, {model::Seed::with(y, seed)}, {other}, {.zeros_where_independent = true})
            .at(other);
    const Tensor result = run_gradient(model, zeros, {{"x", g.sample(1)}});
    EXPECT_EQ(result.shape(), (Shape{2, 3}));
    for (const float value : result.values<float>()) EXPECT_EQ(value, 0);
    Graph old(11);
    const auto z = old.node("Relu", {old.input({2, 3})});
    auto unraised = old.model();
    auto old_shapes = model::infer_shapes(unraised);
    EXPECT_THAT(message_of([&] { model::differentiate(unraised, old_shapes, {model::Seed::with(z, z)}, {"x"}); },
                           ErrorKind::usage),
                HasSubstr("11"));
}

/// Whole networks with Softplus for Relu and Clip: with thousands of kinks no step is small enough for a difference to
/// mean much.
TEST(Derivative, SmoothedBuilderNetworksMatchDifferences) {
    for (const auto& name : {"resnet18", "mobilenet-v2"}) {
        for (const std::int64_t opset : {7, 13, 18}) {
            SCOPED_TRACE(std::string(name) + " at opset " + std::to_string(opset));
            auto model = model::build({.name = name,
                                       .classes = 4,
                                       .width = 0.25,
                                       .image_size = 48,
                                       .opset = static_cast<int>(opset),
                                       .batch = 2,
                                       .seed = 3});
            model::raise_opset(model);
            for (auto& node : model.graph.nodes) {
                if (!node.is("Relu") && !node.is("Clip")) continue;
                node.op_type = "Softplus";
                node.inputs.resize(1);
                node.attributes.clear();
            }
            const auto input = model.graph.inputs[0].name, logits = model.graph.outputs[0].name;
            auto shapes = runtime::known_shapes(model);
            model.graph.initializers["classes"] = Tensor::of<std::int64_t>({2}, {3, 1});
            const auto gradient =
                model::differentiate(model, shapes, {model::Seed::one_hot(logits, "classes")}, {input}).at(input);
            model.graph.outputs.push_back({gradient, DataType::float32, {}, {}, {}});
            const runtime::Session session(model, {.threads = 1});
            std::mt19937 random(5);
            std::normal_distribution<float> normal;
            Shape shape = shapes.shape(input);
            shape[0] = 2;
            const Tensor x = filled(shape, [&] { return normal(random); }),
                         d = filled(shape, [&] { return normal(random); });
            const auto number = [&](double by) {
                const auto out = session.run({{input, moved(x, d, by)}}, {logits});
                return static_cast<double>(out[0].values<float>()[3]) + out[0].values<float>()[4 + 1];
            };
            const double h = 1e-3;
            const double difference = (number(-2 * h) - 8 * number(-h) + 8 * number(h) - number(2 * h)) / (12 * h);
            const Tensor found = session.run({{input, x}}, {gradient}).front();
            // Float32 logits and a step of 1e-3: 1 % of what the gradient is along a random direction.
            EXPECT_NEAR(dot(found, d), difference, 0.01 * norm(found) * std::sqrt(2.0));
            EXPECT_GT(norm(found), 0);
        }
    }
}

TEST(Derivative, SharedModelsHaveGradientsAtTheirInput) {
    const std::filesystem::path folder = std::filesystem::path(LOCUS_SHARED) / "models";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the shared models are not there";
    int tried = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".onnx") continue;
        SCOPED_TRACE(entry.path().filename().string());
        auto model = model::load(entry.path());
        model::raise_opset(model);
        const auto input = model.graph.inputs[0].name, logits = model.graph.outputs[0].name;
        const auto size = static_cast<std::int64_t>(entry.path().filename().string().find("minifasnet") == 0 ? 80 : 0);
        std::map<std::string, Shape> given;
        if (size > 0) given[input] = {-1, 3, size, size};
        auto declared = model.graph.inputs[0].shape.value();
        Shape shape;
        for (std::size_t i = 0; i < declared.size(); ++i)
            shape.push_back(i == 0 ? -1 : declared[i].value.value_or(i == 1 ? 3 : 224));
        auto shapes = runtime::known_shapes(model, {{input, shape}});
        model.graph.initializers["classes"] = Tensor::of<std::int64_t>({1}, {1});
        const auto gradient =
            model::differentiate(model, shapes, {model::Seed::one_hot(logits, "classes")}, {input}).at(input);
        shape[0] = 1;
        std::mt19937 random(5);
        std::normal_distribution<float> normal;
        const Tensor x = filled(shape, [&] { return normal(random); });
        const Tensor found = run_gradient(model, gradient, {{input, x}});
        EXPECT_EQ(found.shape(), shape);
        EXPECT_TRUE(std::isfinite(norm(found)));
        EXPECT_GT(norm(found), 0);
        ++tried;
    }
    EXPECT_GE(tried, 8);
}

/// docs/operators.md lists the operators in a table of families; no more and no fewer than there are.
TEST(Derivative, ManualListsTheOperators) {
    std::ifstream file(std::filesystem::path(LOCUS_TEST_DATA) / "../../docs/operators.md");
    ASSERT_TRUE(file);
    std::set<std::string> listed;
    std::string line;
    bool inside = false;
    while (std::getline(file, line)) {
        if (line.starts_with("## ")) inside = line == "## Operators that have a rule";
        if (!inside || !line.starts_with("|")) continue;
        for (std::size_t at = line.find('`'); at != std::string::npos; at = line.find('`', at + 1)) {
            const auto end = line.find('`', at + 1);
            if (std::isupper(static_cast<unsigned char>(line[at + 1])) != 0)
                listed.insert(line.substr(at + 1, end - at - 1));
            at = end;
        }
    }
    const auto all = model::differentiable_operators();
    EXPECT_THAT(listed, testing::ElementsAreArray(all));
}

}  // namespace
}  // namespace locus::test
