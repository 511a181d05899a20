#include "explain/explained_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>

#include <algorithm>
#include <cmath>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Network network_of(int opset, model::Head head = model::Head::gap) {
    const test::ScratchFolder folder;
    model::save(model::build({.name = "tiny", .classes = 5, .image_size = 32, .opset = opset, .head = head}),
                folder / "tiny.onnx");
    return load_network(folder / "tiny.onnx", {.threads = 1});
}

/// What ONNX's own checker says against a model; empty where it has nothing to say.
std::string checked(const model::Model& model) {
    onnx::ModelProto proto;
    if (!proto.ParseFromString(model::serialize(model))) return "no protobuf";
    if (proto.ir_version() > 8) return "IR " + std::to_string(proto.ir_version());  // newer than the checker
    for (const auto& node : proto.graph().node())
        if (!node.domain().empty() && node.domain() != "ai.onnx") return "an operator of " + node.domain();
    try {
        onnx::checker::check_model(proto);
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

std::string refusal(const Network& network, const ExplainedModelOptions& options) {
    try {
        explained_model(network, options);
    } catch (const Error& error) {
        return error.what();
    }
    return "none";
}

TEST(ExplainedModel, StandsBeforeOnnxsCheckerWithEveryMethod) {
    for (const int opset : {13, 17}) {
        const Network network = network_of(opset);
        for (const std::string& method : exportable_methods()) {
            for (const bool normalize : {false, true}) {
                EXPECT_EQ(checked(explained_model(network, {.method = method, .top_k = 2, .normalize = normalize})), "")
                    << method << ", opset " << opset;
            }
        }
        ExplainedModelOptions sized{.method = "grad-cam", .top_k = std::nullopt, .map_size = {{50, 40}}};
        EXPECT_EQ(checked(explained_model(network, sized)), "") << opset;
    }
}

TEST(ExplainedModel, OfHalvesRunsWithEveryMethod) {
    model::Model halves = model::build({.name = "tiny", .classes = 5, .image_size = 32, .opset = 17});
    for (auto& [name, tensor] : halves.graph.initializers) {
        if (tensor.type() == DataType::float32) tensor = tensor.to(DataType::float16);
    }
    halves.graph.value_infos.clear();
    halves.graph.inputs.front().type = halves.graph.outputs.front().type = DataType::float16;
    const test::ScratchFolder folder;
    model::save(halves, folder / "halves.onnx");
    const Network network = load_network(folder / "halves.onnx", {.threads = 1});
    const Tensor input = random_input(network, 1, 1);
    for (const std::string& method : exportable_methods()) {
        SCOPED_TRACE(method);
        const runtime::Session session(explained_model(network, {.method = method}), {.threads = 1});
        const auto outputs = session.run({{network.input, input}}, {"logits", "classes", "maps"});
        const Tensor expected = find_method(method).prepare(network, {}).explain(input, {.top_k = 1}).maps;
        ASSERT_EQ(outputs[2].shape(), expected.shape());
        const auto maps = outputs[2].values<float>(), own = expected.values<float>();
        double largest = 0, farthest = 0;
        for (std::size_t i = 0; i < own.size(); ++i) {
            largest = std::max<double>(largest, std::abs(own[i]));
            farthest = std::max<double>(farthest, std::abs(maps[i] - own[i]));
        }
        EXPECT_GT(largest, 0);
        EXPECT_LE(farthest, 1e-3 * largest)
            << farthest / largest;  // halves have three digits, of which differences lose some
    }
}

TEST(ExplainedModel, TheCheckerIsOneThatObjects) {
    model::Model broken = explained_model(network_of(17), {.method = "cam"});
    broken.graph.nodes.front().inputs.front() = "nowhere";
    EXPECT_NE(checked(broken), "");
}

TEST(ExplainedModel, SaysWhatItIs) {
    const model::Model explained = explained_model(network_of(13), {.method = "grad-cam++", .top_k = 2});
    EXPECT_EQ(explained.metadata.at("locus.method"), "grad-cam++");
    EXPECT_EQ(explained.metadata.at("locus.classes"), "top:2");
    EXPECT_EQ(explained.metadata.at("locus.maps"), "relu");
    std::vector<std::string> outputs;
    for (const model::ValueInfo& output : explained.graph.outputs) outputs.push_back(output.name);
    EXPECT_THAT(outputs, testing::ElementsAre("logits", "classes", "maps"));
    EXPECT_EQ(explained.graph.inputs.size(), 1U);
}

TEST(ExplainedModel, RefusesInOneSentence) {
    const Network network = network_of(13);
    EXPECT_THAT(refusal(network, {.method = "rise"}),
                AllOf(HasSubstr("rise"), HasSubstr("cannot be exported; these methods can: cam, ")));
    EXPECT_THAT(refusal(network, {.method = "cam", .top_k = 6}), HasSubstr("more classes than the 5"));
    ExplainedModelOptions smooth{.method = "cam"};
    smooth.options.augment = true;
    EXPECT_THAT(refusal(network, smooth), HasSubstr("smoothing"));
    EXPECT_THAT(refusal(network_of(13, model::Head::fc), {.method = "cam"}), HasSubstr("cam does not apply: "));
    ExplainedModelOptions nowhere{.method = "grad-cam"};
    nowhere.options.layer = "nowhere";
    EXPECT_THAT(refusal(network, nowhere), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace locus::explain
