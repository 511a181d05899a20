// Every method on the trained models and golden networks beside the repository, on small inputs and with few samples:
// maps are finite, and where one shows nothing it says why.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "locus/error.hpp"
#include "locus/explainer.hpp"
#include "support/method_settings.hpp"

namespace locus::explain {
namespace {

std::vector<std::filesystem::path> shared_models() {
    std::vector<std::filesystem::path> files;
    for (const char* folder : {"models", "goldens"}) {
        const std::filesystem::path path = std::filesystem::path(LOCUS_SHARED) / folder;
        if (!std::filesystem::exists(path)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            if (entry.path().extension() == ".onnx") files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) files.emplace_back();  // one test that says so
    return files;
}

class SharedModels : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(SharedModels, EveryMethodGivesAMapOrSaysWhyNot) {
    if (GetParam().empty()) GTEST_SKIP() << "the models are not part of the repository";
    const Network network = load_network(GetParam(), {.threads = 1});
    // A network of free size is made to look at few pixels: what is tested is not its skill.
    const auto& dimensions = *network.model.graph.inputs.front().shape;
    const bool free_size = !dimensions[2].value && !dimensions[3].value;
    const auto make_small = [&](Preprocessing& p) {
        if (free_size) p.width = p.height = 64;
    };
    Network sized = network;
    make_small(sized.preprocessing);
    const Tensor input = random_input(sized, 1, 3);
    for (const Method& method : methods()) {
        SCOPED_TRACE(method.name);
        try {
            const Explainer explainer(GetParam(),
                                      {.method = method.name,
                                       .settings = test::settings_for(method, {{"samples", "1"}, {"steps", "1"}}),
                                       .preprocessing = make_small,
                                       .threads = 1});
            const auto explanations = explainer.explain(input, {{ClassRequest::top(2)}});
            for (const Explanation& e : explanations.front()) {
                const auto& values = e.map.values;
                EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
                const bool empty = std::all_of(values.begin(), values.end(), [](float v) { return v <= 0; });
                EXPECT_TRUE(!empty || e.zero < 0 || e.sign < 0 || !e.note.empty());
            }
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
            EXPECT_EQ(method.name, "cam") << error.what();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, SharedModels, testing::ValuesIn(shared_models()), [](const auto& tested) {
    const std::string name = tested.param.stem().string();
    return name.empty() ? std::string("none") : name;
});

}  // namespace
}  // namespace locus::explain
