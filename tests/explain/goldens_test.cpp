#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "support/npz.hpp"

// Golden maps of two independent implementations in float64 (shared/goldens/README.md): ours agree within 1e-3 of the
// largest absolute value.
namespace locus::explain {
namespace {

struct Golden {
    std::string library, method, layer;
};

/// Our names of theirs, and how theirs are made comparable.
const std::map<std::string, std::string> names{{"CAM", "cam"},
                                               {"GradCAM", "grad-cam"},
                                               {"GradCAMPlusPlus", "grad-cam++"},
                                               {"XGradCAM", "xgrad-cam"},
                                               {"LayerCAM", "layer-cam"},
                                               {"HiResCAM", "hires-cam"},
                                               {"GradCAMElementWise", "grad-cam-elementwise"},
                                               {"EigenCAM", "eigen-cam"},
                                               {"EigenGradCAM", "eigengrad-cam"},
                                               {"KPCA_CAM", "kpca-cam"},
                                               {"FEM", "fem"},
                                               {"ScoreCAM", "score-cam"},
                                               {"AblationCAM", "ablation-cam"},
                                               {"ShapleyCAM", "shapley-cam"}};

class Goldens : public testing::TestWithParam<const char*> {};

TEST_P(Goldens, EveryRawMapAgrees) {
    const std::filesystem::path folder = LOCUS_SHARED "/goldens";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the golden maps are not part of the repository";
    const auto golden = test::read_npz(folder / (std::string(GetParam()) + ".npz"));
    Network network = load_network(folder / (std::string(GetParam()) + ".onnx"), {.threads = 1});
    network.preprocessing.width = network.preprocessing.height = 96;
    const Tensor& input = golden.at("input");
    const auto classes = golden.at("classes").to_int64s();
    int compared = 0;
    for (const auto& [key, expected] : golden) {
        if (!key.ends_with(".raw")) continue;
        const auto first = key.find('.'), second = key.find('.', first + 1);
        const std::string library = key.substr(0, first), theirs = key.substr(first + 1, second - first - 1);
        const std::string layer = key.substr(second + 1, key.size() - second - 1 - 4);
        const bool torchcam = library == "torchcam";
        if (!names.contains(theirs)) continue;
        const Method& method = find_method(names.at(theirs));
        MethodOptions options{.layer = layer};
        if (torchcam) options.variant = Variant::torchcam;
        SCOPED_TRACE(key);
        Prepared prepared;
        ASSERT_NO_THROW(prepared = method.prepare(network, options));
        for (std::int64_t item = 0; item < 2; ++item) {
            const auto size = static_cast<std::size_t>(input.size() / 2);
            const Tensor image = Tensor::of<float>(
                {1, 3, 96, 96}, input.values<float>().subspan(static_cast<std::size_t>(item) * size, size));
            const Attribution a =
                prepared.explain(image, {.top_k = 0, .indices = {classes[static_cast<std::size_t>(item)]}});
            const auto positions = static_cast<std::size_t>(a.maps.size());
            const auto ours = a.maps.values<float>();
            const auto wanted = expected.values<float>().subspan(static_cast<std::size_t>(item) * positions, positions);
            double scale = 0, error = 0, inverted = 0;
            for (std::size_t i = 0; i < positions; ++i) {
                const double own = torchcam && theirs != "CAM" ? std::max(ours[i], 0.0F) : ours[i];
                scale = std::max(scale, std::abs(static_cast<double>(wanted[i])));
                error = std::max(error, std::abs(own - wanted[i]));
                inverted = std::max(inverted, std::abs(own + wanted[i]));
            }
            if (theirs.starts_with("Eigen") || theirs.starts_with("KPCA")) error = std::min(error, inverted);
            EXPECT_LE(error, 1e-3 * scale) << "item " << item;
            ++compared;
        }
    }
    EXPECT_GE(compared, 20);
}

INSTANTIATE_TEST_SUITE_P(Networks, Goldens,
                         testing::Values("densenet", "googlenet_gap", "googlenet_gmp", "mobilenet_v2", "resnet_basic",
                                         "resnet_silu", "vgg_fc", "vit"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace locus::explain
