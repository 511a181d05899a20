#include "train/executor.hpp"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "error_of.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "train/export.hpp"
#include "train/random.hpp"

namespace locus::train {
namespace {

using test::error_of;
using testing::HasSubstr;

/// Uniform in -1 ... 1, the same on every machine.
Tensor noise(const Shape& shape, std::uint64_t seed) {
    Tensor tensor(DataType::float32, shape);
    Random random(seed);
    for (float& v : tensor.mutable_values<float>()) v = static_cast<float>(random.uniform(-1, 1));
    return tensor;
}

/// The largest difference between executor and ONNX Runtime, as a share of the largest value.
double difference(const model::Model& m, at::ScalarType type, std::int64_t batch = 2) {
    const model::ValueInfo& input = m.graph.inputs.at(0);
    Shape shape;
    // Of dimensions that are left open the first is the batch, the others are sides.
    for (const model::Dimension& d : input.shape.value())
        shape.push_back(d.value.value_or(shape.empty() ? batch : 224));
    const Tensor x = noise(shape, 7);
    const std::string output = m.graph.outputs.at(0).name;
    const runtime::Session session(m, {.threads = 1});
    const Tensor expected = session.run({{input.name, x}}, {output}).at(0);
    const Executor executor(m, type);
    const at::Tensor got = executor.run(to_torch(x).to(type), output);
    EXPECT_EQ(got.scalar_type(), type);
    const Tensor found = from_torch(got.to(at::kFloat));
    EXPECT_EQ(found.shape(), expected.shape());
    double far = 0, large = 0;
    for (std::size_t i = 0; i < expected.values<float>().size(); ++i) {
        far = std::max(far, static_cast<double>(std::abs(expected.values<float>()[i] - found.values<float>()[i])));
        large = std::max(large, static_cast<double>(std::abs(expected.values<float>()[i])));
    }
    return far / large;
}

TEST(Executor, AgreesWithOnnxRuntimeOnAllNetworksOfTheBuilder) {
    for (const std::string& name : model::network_names()) {
        for (const int opset : {7, 13, 18}) {
            const model::Model m = model::build({.name = name, .classes = 5, .width = 0.1, .opset = opset, .seed = 3});
            EXPECT_LT(difference(m, at::kFloat, 1), 1e-4) << name << ", opset " << opset;
        }
    }
}

TEST(Executor, AgreesWithOnnxRuntimeWhateverTheHead) {
    for (const model::Head head : {model::Head::gap, model::Head::gmp, model::Head::sum, model::Head::fc}) {
        const model::Model m =
            model::build({.name = "tiny", .classes = 5, .width = 0.1, .head = head, .softmax = true});
        EXPECT_LT(difference(m, at::kFloat), 1e-4);
        EXPECT_LT(difference(m, at::kDouble), 1e-4);
    }
}

TEST(Executor, AgreesWithOnnxRuntimeOnRealModels) {
    std::size_t seen = 0;
    for (const char* folder : {"models", "goldens"}) {
        const std::filesystem::path path = std::filesystem::path(LOCUS_SHARED) / folder;
        if (!std::filesystem::exists(path)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            if (entry.path().extension() != ".onnx") continue;
            const model::Model m = model::load(entry.path());
            EXPECT_LT(difference(m, at::kFloat, 1), 1e-4) << entry.path();
            EXPECT_LT(difference(m, at::kDouble, 1), 1e-4) << entry.path();
            ++seen;
        }
    }
    if (seen == 0) GTEST_SKIP() << "No models on this machine; the builder's networks are covered by the tests beside.";
}

TEST(Executor, GradientsAreFiniteDifferences) {
    const model::Model m = model::build({.name = "tiny", .classes = 3, .width = 0.05, .image_size = 16, .seed = 2});
    Executor executor(m, at::kDouble);
    const at::Tensor x = to_torch(noise({3, 3, 16, 16}, 5)).to(at::kDouble);
    const auto loss = [&] {
        Pass pass{.training = true};
        const at::Tensor logits = executor.run({{executor.input_name(), x}}, {m.graph.outputs[0].name}, pass)[0];
        return (logits * logits).sum() + logits.sin().sum();
    };
    const Tensors gradients = torch::autograd::grad({loss()}, executor.values());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        at::Tensor flat = executor.parameters()[i].value.detach().view({-1});
        const std::int64_t at = flat.numel() / 2;
        at::NoGradGuard no_gradients;
        const double here = flat[at].item<double>(), h = 1e-6;
        flat[at] = here + h;
        const double above = loss().item<double>();
        flat[at] = here - h;
        const double below = loss().item<double>();
        flat[at] = here;
        const double expected = (above - below) / (2 * h), found = gradients[i].reshape({-1})[at].item<double>();
        // Central differences of a double: good to some 1e-6 of the value, less where a Relu bends within h.
        EXPECT_NEAR(found, expected, 1e-4 * std::max(1.0, std::abs(expected))) << executor.parameters()[i].name;
    }
}

TEST(Executor, Bfloat16GivesNearlyTheSameScoresAndGradientsInFloat32) {
    const model::Model m = model::build({.name = "tiny", .classes = 5, .width = 0.25, .image_size = 32, .seed = 6});
    const Executor executor(m, at::kFloat);
    const at::Tensor x = to_torch(noise({16, 3, 32, 32}, 8)).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor labels = at::arange(16, at::kLong).remainder(5);
    const auto scores_and_gradients = [&](bool bfloat16) {
        Pass pass{.training = true, .bfloat16 = bfloat16};
        const at::Tensor logits = executor.run({{executor.input_name(), x}}, {m.graph.outputs[0].name}, pass)[0];
        Tensors results{logits.detach()};
        for (at::Tensor& g : torch::autograd::grad({at::cross_entropy_loss(logits, labels)}, executor.values()))
            results.push_back(std::move(g));
        for (const BatchStatistics& seen : pass.statistics) EXPECT_EQ(seen.mean.scalar_type(), at::kFloat);
        return results;
    };
    const Tensors full = scores_and_gradients(false), reduced = scores_and_gradients(true);
    for (std::size_t i = 0; i < full.size(); ++i) {
        EXPECT_EQ(reduced[i].scalar_type(), at::kFloat);
        // A bfloat16 has 8 bits: 0.4 % of each value. Over the network's 11 convolutions errors add up like noise; the
        // least cosine measured was 0.975.
        const double cosine = ((full[i] * reduced[i]).sum() / (full[i].norm() * reduced[i].norm())).item<double>();
        EXPECT_GT(cosine, 0.95) << (i == 0 ? "logits" : executor.parameters()[i - 1].name);
    }
    EXPECT_FALSE(at::equal(full[0], reduced[0])) << "bfloat16 was not used";
}

TEST(Executor, WeightDecayIsForKernelsAndMatrices) {
    const model::Model m = model::build({.name = "tiny", .classes = 3, .width = 0.05});
    const Executor executor(m, at::kFloat);
    for (const Parameter& parameter : executor.parameters())
        EXPECT_EQ(parameter.decays, parameter.value.dim() > 1) << parameter.name;
    for (const auto& [name, value] : executor.statistics())
        EXPECT_THAT(name, testing::AnyOf(HasSubstr("mean"), HasSubstr("var")));
}

/// x [n, 2] times a weight that the graph unpacks from int8.
model::Model packed_linear() {
    model::Model m;
    m.opsets[""] = 13;
    m.graph.name = "packed";
    m.graph.inputs.push_back({"x", DataType::float32, std::vector<model::Dimension>{{{}, "n"}, {2, ""}}, {}, {}});
    m.graph.outputs.push_back({"y", DataType::float32, std::vector<model::Dimension>{{{}, "n"}, {2, ""}}, {}, {}});
    m.graph.initializers["q"] = Tensor::of<std::int8_t>({2, 2}, {1, 2, 3, 4});
    m.graph.initializers["scale"] = Tensor::scalar(0.5F);
    m.graph.nodes.push_back({"Cast", {"q"}, {"f"}, {{"to", std::int64_t{1}}}, "cast", "", ""});
    m.graph.nodes.push_back({"Mul", {"f", "scale"}, {"w"}, {}, "mul", "", ""});
    m.graph.nodes.push_back({"MatMul", {"x", "w"}, {"y"}, {}, "linear", "", ""});
    return m;
}

TEST(Executor, UnpackedWeightsTrainAndAreStoredUnpacked) {
    model::Model m = packed_linear();
    Executor executor(m, at::kFloat);
    ASSERT_EQ(executor.parameters().size(), 1U);
    EXPECT_EQ(executor.parameters()[0].name, "w");
    {
        at::NoGradGuard no_gradients;
        executor.parameters()[0].value.add_(1);
    }
    executor.store(m);
    EXPECT_THAT(m.graph.initializers.at("w").values<float>(), testing::ElementsAre(1.5F, 2.0F, 2.5F, 3.0F));
    EXPECT_EQ(m.graph.nodes.size(), 1U);
    EXPECT_LT(difference(m, at::kFloat), 1e-6);
}

TEST(Executor, RunningStatisticsAreMeansOverGroups) {
    const model::Model m = model::build({.name = "tiny", .classes = 3, .width = 0.05, .image_size = 16});
    Executor executor(m, at::kFloat);
    const std::string name = executor.statistics().begin()->first;
    const at::Tensor before = executor.statistics().begin()->second.clone();
    std::vector<std::vector<BatchStatistics>> seen;
    for (const std::uint64_t seed : {1U, 2U}) {
        Pass pass{.training = true};
        executor.run({{executor.input_name(), to_torch(noise({4, 3, 16, 16}, seed))}}, {m.graph.outputs[0].name}, pass);
        seen.push_back(pass.statistics);
    }
    at::Tensor mean;
    for (std::size_t i = 0; i < seen[0].size(); ++i) {
        if (seen[0][i].node->input(3) == name) mean = (seen[0][i].mean + seen[1][i].mean) / 2;
        if (seen[0][i].node->input(4) == name) mean = (seen[0][i].unbiased_variance + seen[1][i].unbiased_variance) / 2;
    }
    executor.update_statistics(seen, 0.25);
    EXPECT_TRUE(at::allclose(executor.statistics().at(name), 0.75 * before + 0.25 * mean, 1e-5, 1e-7));
}

TEST(Executor, AnUnknownOperatorIsNamedWithItsNode) {
    model::Model m = packed_linear();
    m.graph.nodes[1].op_type = "Frobnicate";
    const std::string sentence = error_of([&] { Executor executor(m, at::kFloat); });
    EXPECT_THAT(sentence, HasSubstr("Frobnicate"));
    EXPECT_THAT(sentence, HasSubstr("mul"));
}

TEST(Export, HalvesAreCastBackAndChangeScoresLittle) {
    const model::Model whole = model::build({.name = "tiny", .classes = 5, .width = 0.2, .image_size = 32, .seed = 4});
    model::Model halves = whole;
    store_as_halves(halves);
    EXPECT_LT(model::serialize(halves).size(), 0.6 * static_cast<double>(model::serialize(whole).size()));
    EXPECT_EQ(halves.graph.find_constant("classifier.weight")->type(), DataType::float32);
    const Tensor x = noise({1, 3, 32, 32}, 1);
    const auto scores = [&](const model::Model& m) {
        return runtime::Session(m, {.threads = 1}).run({{m.graph.inputs[0].name, x}}, {m.graph.outputs[0].name}).at(0);
    };
    const Tensor a = scores(whole), b = scores(halves);
    // A half has 11 bits: each weight is off by at most 2^-11 of itself, and errors of thousands of weights average
    // out.
    for (std::size_t i = 0; i < 5; ++i)
        EXPECT_NEAR(a.values<float>()[i], b.values<float>()[i], 1e-3 * std::max(1.0F, std::abs(a.values<float>()[i])));
    EXPECT_LT(difference(halves, at::kFloat, 1), 1e-4);
}

}  // namespace
}  // namespace locus::train
