#include "evaluate/sanity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "error_of.hpp"
#include "evaluate/pages/sanity_page.hpp"
#include "evaluate/random_weights.hpp"
#include "explain/network.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/scratch_folder.hpp"

namespace locus::evaluate {
namespace {

using testing::HasSubstr;
using testing::Not;

explain::Network loaded(const model::Model& model) {
    const test::ScratchFolder folder;
    model::save(model, folder.path() / "network.onnx");
    return explain::load_network(folder.path() / "network.onnx", {.threads = 1});
}

explain::Network tiny() {
    return loaded(model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 96, .seed = 2}));
}

TEST(RandomWeights, LayersStandFromTheScoresDown) {
    const explain::Network network = tiny();
    const auto layers = weighted_layers(network.model.graph, network.input, network.head.logits);
    ASSERT_GE(layers.size(), 3U);
    const model::Index index(network.model.graph);
    std::size_t weights = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        weights += layers[i].weights.size();
        if (i == 0) continue;
        // What a layer further down makes is read by the one before it in the list.
        const auto& above = index.consumers(layers[i - 1].weights.front()).front()->output(0);
        const auto& below = index.consumers(layers[i].weights.front()).front()->output(0);
        EXPECT_FALSE(index.ancestors(below).contains(above));
    }
    const auto kernels = std::count_if(
        network.model.graph.initializers.begin(), network.model.graph.initializers.end(),
        [](const auto& entry) { return entry.second.rank() >= 2 && entry.second.type() == DataType::float32; });
    EXPECT_EQ(weights, static_cast<std::size_t>(kernels));
}

TEST(RandomWeights, AreTheSameNumbersInAnotherOrder) {
    explain::Network network = tiny();
    const auto layers = weighted_layers(network.model.graph, network.input, network.head.logits);
    const std::string name = layers.front().weights.front(), other = layers.back().weights.front();
    const auto numbers = [&](const std::string& weight) {
        const auto span = network.model.graph.initializers.at(weight).values<float>();
        return std::vector<float>(span.begin(), span.end());
    };
    auto before = numbers(name);
    const auto untouched = numbers(other);
    randomise_weights(network.model.graph, {name}, 1);
    auto after = numbers(name);
    EXPECT_NE(before, after);
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    EXPECT_EQ(before, after);
    EXPECT_EQ(numbers(other), untouched);
}

TEST(RandomWeights, ArePackedOnesToo) {
    explain::Network network = tiny();
    const auto layers = weighted_layers(network.model.graph, network.input, network.head.logits);
    const std::string packed = layers.front().weights.front();
    // Halves that the graph unpacks, as exporters store them.
    model::Graph& graph = network.model.graph;
    graph.initializers["halves"] = graph.initializers.at(packed).to(DataType::float16);
    model::Node cast;
    cast.op_type = "Cast";
    cast.attributes = {{"to", std::int64_t{1}}};
    cast.inputs = {"halves"};
    cast.outputs = {packed};
    graph.initializers.erase(packed);
    graph.nodes.insert(graph.nodes.begin(), cast);
    const Tensor before = graph.initializers.at("halves");
    randomise_weights(graph, network.input, network.head.logits, 1);
    EXPECT_FALSE(std::ranges::equal(graph.initializers.at("halves").bytes(), before.bytes()));
}

TEST(Sanity, MapsFollowTheWeightsStepByStep) {
    const explain::Network network = tiny();
    const Tensor inputs = explain::random_input(network, 3, 1);
    std::size_t told = 0;
    const SanityResult result = sanity_check(network, inputs, {.methods = {"grad-cam", "saliency"}, .steps = 4},
                                             [&](std::size_t done, std::size_t) { told = done; });
    ASSERT_EQ(result.steps.size(), 5U);
    EXPECT_EQ(told, 5U);
    EXPECT_TRUE(result.steps.front().layers.empty());
    EXPECT_EQ(result.steps.back().share, 1);
    for (const MethodSanity& method : result.methods) {
        SCOPED_TRACE(method.method);
        EXPECT_NEAR(mean_of(method.rank_correlation.front()), 1, 1e-12);
        EXPECT_NEAR(mean_of(method.structural_similarity.front()), 1, 1e-9);
        EXPECT_LT(std::abs(mean_of(method.rank_correlation.back())), resembling);
        EXPECT_EQ(method.verdict, SanityVerdict::follows);
    }
}

TEST(Sanity, MapsThatDoNotFollowAreFlagged) {
    // eigen-cam looks at no score, so the layers behind its own change nothing; at the first layer's pooled input, a
    // pool of pixels before any weight, nothing changes at all.
    model::Model model = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 96, .seed = 2});
    model::Graph& graph = model.graph;
    for (model::Node& node : graph.nodes)
        std::replace(node.inputs.begin(), node.inputs.end(), graph.inputs[0].name, std::string("smooth"));
    graph.nodes.insert(graph.nodes.begin(),
                       model::Node{.op_type = "AveragePool",
                                   .inputs = {graph.inputs[0].name},
                                   .outputs = {"smooth"},
                                   .attributes = {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
                                                  {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
                                   .name = "smooth"});
    const explain::Network network = loaded(model);
    const Tensor inputs = explain::random_input(network, 2, 1);
    const SanityResult late = sanity_check(network, inputs, {.methods = {"eigen-cam", "grad-cam"}, .steps = 1000});
    EXPECT_NE(late.methods[0].verdict, SanityVerdict::follows);
    EXPECT_GE(mean_of(late.methods[0].rank_correlation[1]), unchanged);
    EXPECT_EQ(late.methods[1].verdict, SanityVerdict::follows);
    SanityOptions options{.methods = {"eigen-cam"}, .steps = 3};
    options.method.layer = "smooth";
    const SanityResult early = sanity_check(network, inputs, options);
    EXPECT_EQ(early.methods[0].verdict, SanityVerdict::ignores_weights);
    EXPECT_NEAR(mean_of(early.methods[0].rank_correlation.back()), 1, 1e-6);
}

TEST(Sanity, WhereNothingCouldBeComparedItIsUndecided) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(verdict_of({{1, 1}, {0.2, none}, {none, 0.1}}), SanityVerdict::follows);
    EXPECT_EQ(verdict_of({{none, none}, {none, none}, {none, none}}), SanityVerdict::undecided);
    EXPECT_EQ(verdict_of({{1, 1}, {0.2, 0.1}, {none, none}}), SanityVerdict::undecided);
    EXPECT_EQ(verdict_of({{1, 1}, {none, none}, {0.2, 0.1}}), SanityVerdict::undecided);
    EXPECT_EQ(verdict_of({{1, 1}, {1, 1}, {none, none}}), SanityVerdict::ignores_scores);
    EXPECT_EQ(verdict_of({{1, 1}, {none, none}, {0.9, 0.9}}), SanityVerdict::ignores_weights);
}

TEST(Sanity, AnUndecidedMethodIsNamedInNumbersAndPage) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    SanityResult result;
    result.steps = {{}, {.layers = {"fc"}, .share = 1}};
    result.methods.push_back({.method = "grad-cam",
                              .layer = "conv",
                              .rank_correlation = {{none}, {none}},
                              .structural_similarity = {{none}, {none}}});
    result.methods[0].verdict = verdict_of(result.methods[0].rank_correlation);
    const auto json = nlohmann::json::parse(sanity_json(result, {}, {}));
    EXPECT_EQ(json["methods"][0]["verdict"], "undecided");
    EXPECT_TRUE(json["methods"][0]["steps"][1]["rank_correlation"].is_null());
    const std::string page = sanity_page(result, {}, {});
    EXPECT_THAT(page, HasSubstr("undecided: no map"));
    EXPECT_THAT(page, Not(HasSubstr("follows</td>")));
}

TEST(Sanity, OfNothingIsRefused) {
    const explain::Network network = tiny();
    EXPECT_THAT(test::error_of([&] { sanity_check(network, explain::random_input(network, 1, 1), {}); }),
                HasSubstr("needs a method"));
}

}  // namespace
}  // namespace locus::evaluate
