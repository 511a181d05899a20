/// ablation-cam and recipro-cam, however they save running the head, against the head run once for each channel and each position.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "explain/batches.hpp"
#include "explain/linear_parts.hpp"
#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/split.hpp"
#include "model/builder.hpp"
#include "support/loaded_network.hpp"

namespace locus::explain {
namespace {

struct Case {
    std::string name;
    model::NetworkOptions network;
    MethodOptions options;
    bool apart = false;  ///< a fully connected layer behind the target layer can be taken apart by channel
};

std::vector<Case> cases() {
    model::NetworkOptions tiny{.name = "tiny", .classes = 5, .image_size = 32, .seed = 3};
    model::NetworkOptions vgg{.name = "vgg16", .classes = 5, .width = 0.05, .image_size = 96, .seed = 3};
    std::vector<Case> all;
    for (const auto& [name, head] :
         {std::pair{"gap", model::Head::gap}, {"gmp", model::Head::gmp}, {"fc", model::Head::fc}}) {
        all.push_back({.name = name, .network = tiny});
        all.back().network.head = head;
    }
    all.push_back({.name = "vgg", .network = vgg, .apart = true});
    all.push_back({.name = "vgg, probability", .network = vgg});
    all.back().options.target.kind = TargetKind::probability;
    all.push_back({.name = "vgg, batches of one", .network = vgg, .apart = true});
    all.back().network.batch = 1;
    all.push_back({.name = "vgg, 256 channels", .network = vgg, .apart = true});
    all.back().network.width = 0.5;
    all.back().network.image_size = 64;
    all.push_back({.name = "vgg, before the last pool", .network = vgg, .apart = true});
    all.back().options.layer = "conv5_3.relu";
    return all;
}

/// y of one item with its features changed.
double score_of(const LayerSplit& split, const Tensor& features, const Tensor& image, std::int64_t index) {
    return score(split.options().target, split.head(features, image).values<float>(), index,
                 split.network().head.activation);
}

void expect_near(std::span<const float> map, const std::vector<double>& expected, const std::string& name) {
    double scale = 1e-12;
    for (const double value : expected) scale = std::max(scale, std::abs(value));
    ASSERT_EQ(map.size(), expected.size()) << name;
    for (std::size_t p = 0; p < map.size(); ++p) EXPECT_NEAR(map[p], expected[p], 1e-3 * scale) << name;
}

TEST(AblationCam, IsWhatRunningTheHeadWithoutEachChannelGives) {
    for (const Case& each : cases()) {
        const Network network = test::loaded(model::build(each.network));
        const Tensor inputs = random_input(network, 2, 1);
        const Attribution a = find_method("ablation-cam").prepare(network, each.options).explain(inputs, {.top_k = 2});
        const LayerSplit split(network, each.options);
        const auto positions = static_cast<std::size_t>(split.layer().positions());
        for (std::size_t i = 0; i < 4; ++i) {
            const Tensor image = rows(inputs, static_cast<std::int64_t>(i / 2), 1);
            const auto features = split.trunk(image).features;
            const auto index = a.class_indices.values<std::int64_t>()[i];
            const double y = score_of(split, features, image, index);
            std::vector<double> map(positions, 0.0);
            for (std::size_t k = 0; k < static_cast<std::size_t>(split.layer().channels); ++k) {
                Tensor without = features;
                for (std::size_t p = 0; p < positions; ++p) without.mutable_values<float>()[split.offset(0, k, p)] = 0;
                const double weight = (y - score_of(split, without, image, index)) / y;
                for (std::size_t p = 0; p < positions; ++p)
                    map[p] += weight * features.values<float>()[split.offset(0, k, p)];
            }
            expect_near(a.maps.values<float>().subspan(i * positions, positions), map, each.name);
            EXPECT_EQ(a.signs[i], y < 0 ? -1 : 1) << each.name;
        }
    }
}

TEST(ReciproCam, IsTheScoreOfEachPositionAlone) {
    for (const Case& each : cases()) {
        const Network network = test::loaded(model::build(each.network));
        const Tensor inputs = random_input(network, 2, 1);
        const Attribution a = find_method("recipro-cam").prepare(network, each.options).explain(inputs, {.top_k = 2});
        const LayerSplit split(network, each.options);
        const auto positions = static_cast<std::size_t>(split.layer().positions());
        for (std::size_t i = 0; i < 4; ++i) {
            const Tensor image = rows(inputs, static_cast<std::int64_t>(i / 2), 1);
            const auto features = split.trunk(image).features;
            std::vector<double> map;
            for (std::size_t p = 0; p < positions; ++p) {
                Tensor alone(DataType::float32, features.shape());
                for (std::size_t k = 0; k < static_cast<std::size_t>(split.layer().channels); ++k)
                    alone.mutable_values<float>()[split.offset(0, k, p)] =
                        features.values<float>()[split.offset(0, k, p)];
                map.push_back(score_of(split, alone, image, a.class_indices.values<std::int64_t>()[i]));
            }
            expect_near(a.maps.values<float>().subspan(i * positions, positions), map, each.name);
        }
    }
}

TEST(LinearParts, StandWhereAFullyConnectedLayerReadsTheChannelsOneByOne) {
    for (const Case& each : cases()) {
        const Network network = test::loaded(model::build(each.network));
        MapGraph graph(network, each.options);
        const TargetLayer& layer = graph.layers().front();
        EXPECT_EQ(has_linear_parts(graph, layer, PartsOf::channels), each.apart) << each.name;
        const bool positions_too = each.apart && each.options.layer.empty();  // a pool mixes positions
        EXPECT_EQ(has_linear_parts(graph, layer, PartsOf::positions), positions_too) << each.name;
    }
}

}  // namespace
}  // namespace locus::explain
