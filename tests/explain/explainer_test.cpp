#include "locus/explainer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <span>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "explain/network.hpp"
#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/exported/networks.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

using test::error_of;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

Image grey(int width, int height) {
    return {width, height,
            std::vector<std::uint8_t>(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 100)};
}

Explainer opened_in_memory(const std::string& bytes) {
    const std::span<const char> span(bytes);
    return Explainer(std::as_bytes(span), {.threads = 1});
}

/// A small network of five classes in a file of its own: its input is [n, 3, 64, 64].
class ExplainerTest : public testing::Test {
protected:
    ExplainerTest() {
        model::save(model::build({.name = "tiny", .classes = 5, .width = 0.5, .image_size = 64}), file_);
    }

    Explainer opened(ExplainerOptions options = {}) const {
        options.threads = 1;
        return Explainer(file_, options);
    }
    std::string refusal(const ExplainerOptions& options) const {
        return error_of([&] { opened(options); });
    }
    std::string refusal_after(const std::function<void(Preprocessing&)>& change) const {
        return refusal({.preprocessing = change});
    }

    test::ScratchFolder folder_;
    std::filesystem::path file_ = folder_ / "tiny.onnx";
};

// NOLINTBEGIN(bugprone-use-after-move): what is there afterwards is promised
TEST_F(ExplainerTest, MovedFromSaysSo) {
    Explainer a = opened();
    Explainer b = std::move(a);
    const auto moved = StartsWith("usage: the Explainer was moved from");
    EXPECT_THAT(error_of([&] { a.explain(grey(9, 9)); }), moved);
    EXPECT_THAT(error_of([&] { a.explain(Tensor(DataType::float32, {1, 3, 64, 64})); }), moved);
    EXPECT_THAT(error_of([&] { a.check({ClassRequest::top(1)}); }), moved);
    EXPECT_THAT(error_of([&] { a.set_labels({}); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.model(); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.preprocessing(); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.labels(); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.methods(); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.method(); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.target_layer(); }), moved);
    EXPECT_THAT(error_of([&] { (void)a.warnings(); }), moved);
    a = std::move(b);
    EXPECT_EQ(a.explain(grey(9, 9)).size(), 1U);
}
// NOLINTEND(bugprone-use-after-move)

TEST_F(ExplainerTest, StopsBetweenThePassesOfAMethod) {
    std::atomic<bool> stop = false, is_at_work = false, was_stopped = false;
    const Explainer explainer =
        opened({.method = "occlusion,rise", .settings = {{"samples", "100000000"}}, .stop = &stop});
    std::thread caller([&] {
        is_at_work = true;
        try {
            explainer.explain(grey(9, 9));  // would take days
        } catch (const Stopped&) {
            was_stopped = true;
        }
    });
    while (!is_at_work) std::this_thread::yield();
    stop = true;
    caller.join();
    EXPECT_TRUE(was_stopped);
    stop = false;
    EXPECT_EQ(opened({.method = "cam", .stop = &stop}).explain(grey(9, 9)).size(), 1U);
}

TEST_F(ExplainerTest, PreprocessingBeyondItsLimitsIsRefused) {
    for (const float mean : {nan, infinity, 2.5F, 123.675F})
        EXPECT_THAT(refusal_after([=](Preprocessing& p) { p.mean[1] = mean; }), StartsWith("usage: a mean of "));
    for (const float deviation : {nan, infinity, 0.0F, -1.0F, 1e-30F})
        EXPECT_THAT(refusal_after([=](Preprocessing& p) { p.std[1] = deviation; }),
                    StartsWith("usage: a standard deviation of "));
    for (const float range : {nan, infinity, 0.0F, -1.0F, 1e9F})
        EXPECT_THAT(refusal_after([=](Preprocessing& p) { p.range = range; }), StartsWith("usage: a range of "));
    EXPECT_THAT(refusal_after([](Preprocessing& p) { p.width = -5; }), StartsWith("usage: a network's input of -5 x"));
    EXPECT_THAT(refusal_after([](Preprocessing& p) { p.color = ColorOrder::other; }), StartsWith("usage: "));
    EXPECT_THAT(refusal_after([](Preprocessing& p) { p.resize = static_cast<Resize>(77); }), HasSubstr("resize is 77"));
    EXPECT_THAT(refusal_after([](Preprocessing& p) { p.color = static_cast<ColorOrder>(77); }),
                HasSubstr("color is 77"));
    EXPECT_THAT(refusal_after([](Preprocessing& p) { p.layout = static_cast<Layout>(77); }), HasSubstr("layout is 77"));
    EXPECT_EQ(refusal_after([](Preprocessing& p) { p.type = DataType::uint8; }),
              "usage: the preprocessing's type is uint8, but the input 'input' takes float");
    EXPECT_THAT(refusal_after([](Preprocessing& p) { p.type = static_cast<DataType>(77); }), StartsWith("usage: "));
    EXPECT_EQ(refusal_after([](Preprocessing& p) {
                  p.mean = {2, -2, 0}, p.std = {1e-9F, 1e9F, 1}, p.range = 255;
              }),
              "");
}

TEST_F(ExplainerTest, OptionsThatDoNotGoTogetherAreRefused) {
    const Tensor five = Tensor::of<float>({5}, {1, 2, 3, 4, 5});
    EXPECT_THAT(refusal({.method = "grad-cam", .target_embedding = five}),
                HasSubstr("for the target similarity, but another target"));
    EXPECT_THAT(refusal({.method = "grad-cam", .target_image = grey(9, 9)}),
                HasSubstr("for the target similarity, but another target"));
    EXPECT_THAT(refusal({.method = "grad-cam", .target_mask = Tensor(DataType::float32, {4, 4})}),
                HasSubstr("for the target mask, but another target"));
    ExplainerOptions similar{.method = "grad-cam", .settings = {{"target", "similarity"}}};
    EXPECT_THAT(refusal(similar), HasSubstr("needs what to compare with"));
    similar.target_embedding = five;
    EXPECT_EQ(refusal(similar), "");
    similar.target_image = grey(9, 9);
    EXPECT_THAT(refusal(similar), HasSubstr("both say what to compare with"));
    EXPECT_EQ(refusal({.method = "smooth-grad", .settings = {{"samples", "2"}, {"samples", "3"}}}),
              "usage: the setting 'samples' is given twice");
}

TEST_F(ExplainerTest, AnEmbeddingWithoutDirectionIsRefused) {
    ExplainerOptions similar{.method = "grad-cam", .settings = {{"target", "similarity"}}};
    for (const float number : {nan, infinity}) {
        similar.target_embedding = Tensor::of<float>({5}, {1, 2, number, 4, 5});
        EXPECT_THAT(refusal(similar), StartsWith("usage: the reference embedding holds NaN or infinity"));
    }
    similar.target_embedding = Tensor(DataType::float32, {5});
    EXPECT_THAT(refusal(similar), StartsWith("usage: the reference embedding has no direction"));
    similar.target_embedding = Tensor();
    EXPECT_THAT(refusal(similar), StartsWith("usage: the reference embedding has no direction"));
    similar.target_embedding = Tensor::of<float>({2}, {1, 2});
    EXPECT_THAT(refusal(similar), HasSubstr("has 2 values where the network makes 5"));
}

TEST_F(ExplainerTest, ALayerNamedTwiceIsOne) {
    const std::string layer = opened().target_layer();
    for (const char* method : {"cam", "grad-cam", "eigen-cam", "score-cam", "recipro-cam"}) {
        const Explainer twice = opened({.method = method, .layer = layer + "," + layer});
        const Explainer once = opened({.method = method, .layer = layer});
        EXPECT_EQ(twice.target_layer(), layer) << method;
        EXPECT_EQ(twice.explain(grey(9, 9))[0].map.values, once.explain(grey(9, 9))[0].map.values) << method;
    }
}

TEST_F(ExplainerTest, AClassRequestSaysOneThing) {
    const Explainer explainer = opened();
    EXPECT_EQ(error_of([&] {
                  explainer.check({ClassRequest{1, 2}});
              }),
              "usage: a class request asks for top:1 and for class 2: it takes one");
    EXPECT_THAT(error_of([&] {
                    explainer.check({ClassRequest::at(1), ClassRequest{}});
                }),
                HasSubstr("no class is asked for"));
}

TEST_F(ExplainerTest, ThreadsWithoutEndAreEightACore) {
    EXPECT_EQ(Explainer(file_, {.threads = 1'000'000}).explain(grey(9, 9)).size(), 1U);
    EXPECT_THAT(error_of([&] { Explainer(file_, {.threads = -1}); }), StartsWith("usage: -1 threads"));
    EXPECT_THAT(error_of([&] { Explainer(file_, {.parts = -1}); }), StartsWith("usage: -1 parts"));
}

TEST_F(ExplainerTest, TensorsOfOtherShapesAreRefusedAlikeByEveryMethod) {
    for (const char* method : {"cam", "grad-cam", "saliency", "occlusion", "recipro-cam"}) {
        const Explainer explainer = opened({.method = method});
        const auto refusal = [&](const Shape& shape) {
            return error_of([&] { explainer.explain(Tensor(DataType::float32, shape)); });
        };
        SCOPED_TRACE(method);
        EXPECT_EQ(refusal({0}), "usage: inputs have the shape [0], but [N, C, H, W] is needed");
        EXPECT_EQ(refusal({3, 64, 64}), "usage: inputs have the shape [3, 64, 64], but [N, C, H, W] is needed");
        EXPECT_EQ(refusal({0, 3, 64, 64}), "usage: inputs have the shape [0, 3, 64, 64]: N is 0, where 1 is the least");
        EXPECT_EQ(refusal({1, 3, 0, 64}), "usage: inputs have the shape [1, 3, 0, 64]: H is 0, where 1 is the least");
        EXPECT_THAT(refusal({1, 4, 64, 64}), HasSubstr("usage: inputs have the shape [1, 4, 64, 64], but the network"));
        EXPECT_THAT(refusal({1, 64, 64, 3}), StartsWith("usage: inputs have the shape [1, 64, 64, 3], but the "));
    }
}

/// The same network, whose input says nothing of height and width.
TEST_F(ExplainerTest, InputsMayBeOfOtherSizesWhereTheModelLeavesThemOpen) {
    model::save(model::build({.name = "tiny", .classes = 5, .width = 0.5, .image_size = 64, .dynamic_size = true}),
                folder_ / "open.onnx");
    const auto options = [](const std::string& method, int width = 64) {
        const auto size = [=](Preprocessing& p) { p.width = width, p.height = 64; };
        return ExplainerOptions{.method = method, .preprocessing = size, .threads = 1};
    };
    const auto explained = [&](const char* method, const Shape& shape) {
        return Explainer(folder_ / "open.onnx", options(method))
            .explain(Tensor(DataType::float32, shape))
            .front()
            .front();
    };
    const Explanation normal = explained("cam", {1, 3, 64, 64}), wide = explained("cam", {1, 3, 64, 128});
    EXPECT_EQ(wide.map.width, 2 * normal.map.width);
    EXPECT_EQ(wide.region.width, 128);
    EXPECT_THAT(error_of([&] { explained("cam", {1, 4, 64, 64}); }), StartsWith("usage: inputs have the shape"));

    // Whatever else is made for one size, by itself or beside cam, is made for this one.
    Tensor input(DataType::float32, {2, 3, 64, 128});
    for (std::size_t i = 0; i < static_cast<std::size_t>(input.size()); ++i)
        input.mutable_values<float>()[i] = static_cast<float>(i % 251) / 125.0F - 1.0F;
    std::vector<std::string> labels{"a", "b", "c", "d", "e"};
    for (const char* method : {"grad-cam", "cam,layer-cam", "saliency", "integrated-gradients", "occlusion", "rise",
                               "score-cam", "recipro-cam", "ablation-cam", "full-grad"}) {
        SCOPED_TRACE(method);
        const auto few = [&](ExplainerOptions given) {
            if (method == std::string("rise")) given.settings = {{"samples", "20"}};
            return given;
        };
        Explainer of_64(folder_ / "open.onnx", few(options(method)));
        of_64.set_labels(labels);
        const auto maps = of_64.explain(input),
                   expected = Explainer(folder_ / "open.onnx", few(options(method, 128))).explain(input);
        ASSERT_EQ(maps.size(), 2U);
        for (std::size_t item = 0; item < 2; ++item) {
            ASSERT_EQ(maps[item].size(), expected[item].size());
            for (std::size_t i = 0; i < maps[item].size(); ++i) {
                EXPECT_EQ(maps[item][i].map.values, expected[item][i].map.values);
                EXPECT_EQ(maps[item][i].method, expected[item][i].method);
                EXPECT_EQ(maps[item][i].region.width, 128);
                EXPECT_EQ(maps[item][i].class_name, labels[static_cast<std::size_t>(maps[item][i].class_index)]);
            }
        }
    }
    EXPECT_THAT(
        error_of([&] {
            explained("grad-cam", {1, 3, 1, 1});
        }),
        AllOf(StartsWith("usage: inputs of the shape [1, 3, 1, 1] do not pass"), HasSubstr("[1, 3, 64, 64] do")));
    const std::string bytes = test::contents(folder_ / "open.onnx");
    const Explainer in_memory(std::as_bytes(std::span(bytes)), options("grad-cam"));
    EXPECT_THAT(error_of([&] { in_memory.explain(input); }), HasSubstr("the model was in memory"));
}

TEST_F(ExplainerTest, NumbersThatAreNoneAreFoundInTheInput) {
    for (const char* method : {"cam", "grad-cam"}) {
        const Explainer explainer = opened({.method = method});
        Tensor input(DataType::float32, {1, 3, 64, 64});
        input.mutable_values<float>()[64 * 64 + 65] = nan;
        EXPECT_EQ(error_of([&] { explainer.explain(input); }), "usage: the input holds NaN at [0, 1, 1, 1]");
        input.mutable_values<float>()[64 * 64 + 65] = infinity;
        EXPECT_THAT(error_of([&] { explainer.explain(input); }), StartsWith("usage: the input holds infinity"));
    }
}

TEST_F(ExplainerTest, AModelInMemoryIsThatOfTheFile) {
    const std::string bytes = test::contents(file_);
    const Explainer from_memory = opened_in_memory(bytes);
    EXPECT_EQ(from_memory.explain(grey(9, 9))[0].map.values, opened().explain(grey(9, 9))[0].map.values);
    EXPECT_THAT(error_of([&] { opened_in_memory(bytes.substr(0, 100)); }),
                StartsWith("model: cannot load the model in memory: "));
    EXPECT_THAT(error_of([&] { opened_in_memory(""); }), StartsWith("model: cannot load the model in memory: "));
}

TEST_F(ExplainerTest, AModelInMemoryHoldsItsWeightsItself) {
    const std::string apart = model::serialize_apart(model::build({.name = "tiny", .classes = 5})).bytes;
    EXPECT_THAT(error_of([&] { opened_in_memory(apart); }),
                AllOf(StartsWith("model: cannot load the model in memory: "),
                      HasSubstr("the model is not in a folder that could hold it")));
}

TEST_F(ExplainerTest, NamesWhatCanBeAskedFor) {
    EXPECT_THAT(method_names(),
                AllOf(Contains("cam"), Contains("grad-cam++"), Contains("rise"), Not(Contains("auto"))));
    for (const std::string& method : method_names())
        EXPECT_THAT(refusal({.method = method}), Not(HasSubstr("usage: ")));
    const Explainer explainer = opened();
    const std::vector<std::string> layers = layer_names(file_);
    EXPECT_THAT(layers, Contains(explainer.target_layer()));
    EXPECT_GT(layers.size(), 3U);
    for (const std::string& layer : layers) EXPECT_EQ(refusal({.method = "grad-cam", .layer = layer}), "") << layer;
    EXPECT_THAT(layers, Not(Contains("input")));
}

}  // namespace
}  // namespace locus
