/// The public class: what it refuses, what is left of one that was moved from, models in memory, lists of names.

#include "locus/explainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "error_of.hpp"
#include "locus/boxes.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

using test::error_of;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

class ExplainerOf : public testing::Test {
protected:
    void SetUp() override { model::save(model::build({.name = "tiny", .classes = 5}), file()); }

    std::filesystem::path file() const { return folder_.path() / "tiny.onnx"; }

    std::string refusal(const ExplainerOptions& options) const {
        return error_of([&] { Explainer(file(), options); });
    }
    std::string refusal_of_preprocessing(const std::function<void(Preprocessing&)>& change) const {
        ExplainerOptions options;
        options.preprocessing = change;
        return refusal(options);
    }
    std::string refusal_of_similarity(float value) const {
        ExplainerOptions options{.settings = {{"target", "similarity"}}};
        options.target_embedding = Tensor::of<float>({5}, {0, 0, value, 0, 0});
        return refusal(options);
    }

    Image photo() const {
        Image image{.width = 64, .height = 48, .rgb = std::vector<std::uint8_t>(64 * 48 * 3)};
        for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i * i % 251);
        return image;
    }

    test::ScratchFolder folder_;
};

TEST_F(ExplainerOf, OneThatWasMovedFromSaysSoAndCanBeAssignedTo) {
    Explainer first(file());
    Explainer second = std::move(first);
    for (const auto& use : std::vector<std::function<void()>>{
             [&] { first.explain(photo()); },
             [&] {
                 first.explain(Tensor(DataType::float32, {1, 3, 64, 64}));
             },
             [&] { first.check({ClassRequest::top(1)}); }, [&] { first.model(); }, [&] { first.labels(); },
             [&] {
                 first.set_labels({"a", "b", "c", "d", "e"});
             },
             [&] { first.methods(); }, [&] { first.layers(); }, [&] { first.preprocessing(); },
             [&] { first.target_layer(); }, [&] { first.warnings(); }})
        EXPECT_THAT(error_of(use), AllOf(HasSubstr("usage: "), HasSubstr("moved from")));
    first = std::move(second);
    EXPECT_EQ(first.explain(photo()).size(), 1U);
}

TEST_F(ExplainerOf, AModelInMemoryGivesWhatItsFileDoes) {
    const std::string bytes = test::contents(file());
    const Explainer from_memory(std::as_bytes(std::span(bytes)));
    EXPECT_EQ(from_memory.explain(photo()).front().map.values, Explainer(file()).explain(photo()).front().map.values);
    const std::string broken = bytes.substr(0, bytes.size() / 2);
    EXPECT_THAT(error_of([&] { Explainer{std::as_bytes(std::span(broken))}; }),
                AllOf(HasSubstr("model: "), HasSubstr("the model in memory")));
}

TEST_F(ExplainerOf, NamesWhatItsOptionsTake) {
    EXPECT_THAT(method_names(), AllOf(Contains("cam"), Contains("grad-cam++"), Contains("rise")));
    const Explainer explainer(file());
    EXPECT_THAT(explainer.layers(), Contains(explainer.target_layer()));
    for (const std::string& layer : explainer.layers())
        EXPECT_EQ(Explainer(file(), {.method = "grad-cam", .layer = layer}).target_layer(), layer);
}

TEST_F(ExplainerOf, PreprocessingOutsideItsLimitsIsRefused) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(refusal_of_preprocessing([](Preprocessing& p) {
                    p.mean = {123.7F, 116.3F, 103.5F};
                }),
                HasSubstr("usage: a mean of 123.7 is not possible"));
    EXPECT_THAT(refusal_of_preprocessing([&](Preprocessing& p) { p.mean[1] = nan; }),
                HasSubstr("usage: a mean of nan"));
    for (const float deviation : {0.0F, -1.0F, 1e-30F, nan}) {
        EXPECT_THAT(refusal_of_preprocessing([&](Preprocessing& p) { p.std[2] = deviation; }),
                    HasSubstr("usage: a standard deviation of"));
    }
    for (const float range : {0.0F, -1.0F, nan}) {
        EXPECT_THAT(refusal_of_preprocessing([&](Preprocessing& p) { p.range = range; }),
                    HasSubstr("usage: a range of"));
    }
    EXPECT_THAT(refusal_of_preprocessing([](Preprocessing& p) { p.type = DataType::uint8; }),
                HasSubstr("the preprocessing's type is uint8"));
    EXPECT_THAT(refusal_of_preprocessing([](Preprocessing& p) { p.resize = static_cast<Resize>(9); }),
                HasSubstr("usage: "));
    EXPECT_THAT(error_of([&] {
                    Preprocessing p;
                    p.mean[0] = nan;
                    preprocess(photo(), p);
                }),
                HasSubstr("usage: "));
}

TEST_F(ExplainerOf, OptionsThatWouldBeLeftOutAreRefused) {
    ExplainerOptions embedding;
    embedding.target_embedding = Tensor::of<float>({5}, {1, 2, 3, 4, 5});
    EXPECT_THAT(refusal(embedding), HasSubstr("usage: a target embedding or image is given"));
    embedding.settings = {{"target", "similarity"}};
    EXPECT_EQ(refusal(embedding), "");
    embedding.target_image = photo();
    EXPECT_THAT(refusal(embedding), HasSubstr("usage: a target embedding and a target image"));
    ExplainerOptions mask;
    mask.target_mask = Tensor(DataType::float32, {4, 4});
    EXPECT_THAT(refusal(mask), HasSubstr("usage: a target mask is given"));
    EXPECT_THAT(refusal({.method = "rise", .settings = {{"samples", "9"}, {"samples", "8"}}}),
                HasSubstr("usage: the setting 'samples' is given twice"));
    EXPECT_THAT(refusal({.threads = -1}), HasSubstr("usage: -1 threads are not possible"));
    const Explainer explainer(file());
    EXPECT_THAT(error_of([&] { explainer.check({{.top_k = 1, .index = 2}}); }), HasSubstr("usage: "));
}

TEST_F(ExplainerOf, AnEmbeddingWithoutADirectionIsRefused) {
    EXPECT_EQ(refusal_of_similarity(1), "");
    EXPECT_THAT(refusal_of_similarity(0), HasSubstr("usage: the reference embedding has no direction"));
    EXPECT_THAT(refusal_of_similarity(std::numeric_limits<float>::quiet_NaN()), HasSubstr("holds NaN"));
}

TEST_F(ExplainerOf, TensorsThatCannotBeAreTheCallersUnderEveryMethod) {
    for (const char* method : {"cam", "grad-cam", "saliency"}) {
        SCOPED_TRACE(method);
        const Explainer explainer(file(), {.method = method});
        const auto refused = [&](const Tensor& inputs) { return error_of([&] { explainer.explain(inputs); }); };
        EXPECT_THAT(refused(Tensor(DataType::float32, {1, 4, 64, 64})), HasSubstr("usage: "));
        EXPECT_THAT(refused(Tensor(DataType::float32, {0, 3, 64, 64})),
                    AllOf(HasSubstr("usage: "), HasSubstr("N is 0")));
        EXPECT_THAT(refused(Tensor(DataType::float32, {3, 64, 64})), HasSubstr("usage: "));
        Tensor broken(DataType::float32, {1, 3, 64, 64});
        broken.mutable_values<float>()[7] = std::numeric_limits<float>::quiet_NaN();
        EXPECT_THAT(refused(broken), AllOf(HasSubstr("usage: the input holds NaN")));
    }
}

TEST(Sizes, ThatNoPictureHasAreRefusedAtOnce) {
    const Map map{.width = 2, .height = 2, .values = {1, 2, 3, 4}};
    constexpr int huge = std::numeric_limits<int>::max();
    for (const auto& [width, height] : {std::pair{huge, 1}, {1, huge}, {huge, huge}, {60'000, 60'000}}) {
        EXPECT_THAT(error_of([&] { upsample(map, width, height); }), HasSubstr("resource: "));
        EXPECT_THAT(error_of([&] { boxes_from_raw(map, width, height); }), HasSubstr("resource: "));
    }
}

}  // namespace
}  // namespace locus
