/// ablation-cam and recipro-cam, however they save running the head, against the head run once for each channel and
/// each position.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "explain/batches.hpp"
#include "explain/layer_split.hpp"
#include "explain/linear_parts.hpp"
#include "explain/method.hpp"
#include "explain/network.hpp"
#include "model/networks/builder.hpp"
#include "support/exported/networks.hpp"
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
    const Tensor logits = split.head(features, image);
    return score(split.options().target, logits.values<float>(), index, split.network().head.activation);
}

/// What the head was run for: one image's features as they are, and one of its explained classes.
struct Item {
    const LayerSplit& split;
    Tensor image, features;
    std::int64_t index;

    double score(const Tensor& changed) const { return score_of(split, changed, image, index); }
    std::size_t channels() const { return static_cast<std::size_t>(split.layer().channels); }
    std::size_t positions() const { return static_cast<std::size_t>(split.layer().positions()); }
    std::size_t at(std::size_t channel, std::size_t position) const { return split.offset(0, channel, position); }
};

/// Holds the method's maps, of two images and two classes each, against `expected`, and calls `also` with their signs.
template <class Expected, class Also> void expect_maps(const char* method, const Expected& expected, const Also& also) {
    for (const Case& each : cases()) {
        SCOPED_TRACE(each.name);
        const Network network = test::loaded(model::build(each.network));
        const Tensor inputs = random_input(network, 2, 1);
        const Attribution a = find_method(method).prepare(network, each.options).explain(inputs, {.top_k = 2});
        const LayerSplit split(network, each.options);
        for (std::size_t i = 0; i < 4; ++i) {
            const Tensor image = rows(inputs, static_cast<std::int64_t>(i / 2), 1);
            const Item item{split, image, split.trunk(image).features, a.class_indices.values<std::int64_t>()[i]};
            const std::vector<double> map = expected(item);
            const auto found = a.maps.values<float>().subspan(i * item.positions(), item.positions());
            double scale = 1e-12;
            for (const double value : map) scale = std::max(scale, std::abs(value));
            ASSERT_EQ(map.size(), found.size());
            for (std::size_t p = 0; p < map.size(); ++p) EXPECT_NEAR(found[p], map[p], 1e-3 * scale);
            also(item, a, i);
        }
    }
}

TEST(AblationCam, IsWhatRunningTheHeadWithoutEachChannelGives) {
    expect_maps(
        "ablation-cam",
        [](const Item& item) {
            const double y = item.score(item.features);
            std::vector<double> map(item.positions(), 0.0);
            for (std::size_t k = 0; k < item.channels(); ++k) {
                Tensor without = item.features;
                for (std::size_t p = 0; p < map.size(); ++p) without.mutable_values<float>()[item.at(k, p)] = 0;
                const double weight = (y - item.score(without)) / y;
                for (std::size_t p = 0; p < map.size(); ++p)
                    map[p] += weight * item.features.values<float>()[item.at(k, p)];
            }
            return map;
        },
        [](const Item& item, const Attribution& a, std::size_t i) {
            EXPECT_EQ(a.signs[i], item.score(item.features) < 0 ? -1 : 1);
        });
}

TEST(ReciproCam, IsTheScoreOfEachPositionAlone) {
    expect_maps(
        "recipro-cam",
        [](const Item& item) {
            std::vector<double> map;
            for (std::size_t p = 0; p < item.positions(); ++p) {
                Tensor alone(DataType::float32, item.features.shape());
                for (std::size_t k = 0; k < item.channels(); ++k)
                    alone.mutable_values<float>()[item.at(k, p)] = item.features.values<float>()[item.at(k, p)];
                map.push_back(item.score(alone));
            }
            return map;
        },
        [](const Item&, const Attribution& a, std::size_t) { EXPECT_TRUE(a.signs.empty()); });
}

TEST(ReciproCam, KeepsAGaussianOfTokensThatAMeanPoolReads) {
    test::Exporter write({.opset = 17, .style = test::Style::simplified});
    std::string x = write.conv(write.input(3, 32), 3, 8, {.kernel = 4, .stride = 4});
    x = write.transpose(write.reshape(x, {test::batch, 8, 64}), {0, 2, 1});
    x = write.named(write.layer_norm(write.gelu(x), 8), "tokens");
    const Network network = test::loaded(write.finish(write.classifier(write.gelu(write.mean(x, {1}, false)), 8, 4)));
    const MethodOptions options{.layer = "tokens"};
    const LayerSplit split(network, options);
    ASSERT_TRUE(split.pooled());
    ASSERT_EQ(split.layer().layout, model::FeatureLayout::tokens);
    const Tensor image = random_input(network, 1, 1);
    const Attribution a = find_method("recipro-cam").prepare(network, options).explain(image, {.top_k = 1});
    const Item item{split, image, split.trunk(image).features, a.class_indices.values<std::int64_t>()[0]};
    const std::int64_t width = split.layer().width;
    const double line[]{0.5, 0.25};
    for (std::size_t center = 0; center < item.positions(); ++center) {
        Tensor kept(DataType::float32, item.features.shape());
        for (std::size_t p = 0; p < item.positions(); ++p) {
            const auto c = static_cast<std::int64_t>(center), at = static_cast<std::int64_t>(p);
            const auto down = std::abs(at / width - c / width), across = std::abs(at % width - c % width);
            if (down > 1 || across > 1) continue;
            for (std::size_t k = 0; k < item.channels(); ++k)
                kept.mutable_values<float>()[item.at(k, p)] =
                    static_cast<float>(line[down] * line[across]) * item.features.values<float>()[item.at(k, p)];
        }
        EXPECT_NEAR(a.maps.values<float>()[center], item.score(kept), 1e-4) << center;
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
