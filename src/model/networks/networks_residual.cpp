// Networks with residual connections.

#include <array>
#include <vector>

#include <fmt/format.h>

#include "model/networks/networks.hpp"

namespace locus::model {
namespace {

/// Two 3x3 convolutions and the shortcut.
FeatureMap basic_block(NetworkWriter& write, const FeatureMap& x, const std::string& name, std::int64_t out,
                       int stride) {
    FeatureMap y = write.conv_bn(x, name + ".conv1", {.out = out, .kernel = 3, .stride = stride, .pad = 1});
    y = write.relu(y, name + ".relu1");
    y = write.conv_bn(y, name + ".conv2", {.out = out, .kernel = 3, .pad = 1});
    const bool same = stride == 1 && x.channels == out;
    const FeatureMap shortcut = same ? x : write.conv_bn(x, name + ".shortcut", {.out = out, .stride = stride});
    return write.relu(write.add(y, shortcut, name + ".add"), name + ".relu2");
}

/// 1x1, 3x3 and 1x1 convolutions, the last to four times the channels.
FeatureMap bottleneck(NetworkWriter& write, const FeatureMap& x, const std::string& name, std::int64_t middle,
                      int stride) {
    const std::int64_t out = 4 * middle;
    FeatureMap y = write.relu(write.conv_bn(x, name + ".conv1", {.out = middle}), name + ".relu1");
    y = write.conv_bn(y, name + ".conv2", {.out = middle, .kernel = 3, .stride = stride, .pad = 1});
    y = write.conv_bn(write.relu(y, name + ".relu2"), name + ".conv3", {.out = out});
    const bool same = stride == 1 && x.channels == out;
    const FeatureMap shortcut = same ? x : write.conv_bn(x, name + ".shortcut", {.out = out, .stride = stride});
    return write.relu(write.add(y, shortcut, name + ".add"), name + ".relu3");
}

struct Stage {
    int channels;
    int blocks;
    int stride;
};

template <class Block>
FeatureMap stages(NetworkWriter& write, FeatureMap x, const std::vector<Stage>& list, Block block) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        for (int j = 0; j < list[i].blocks; ++j) {
            x = block(write, x, fmt::format("layer{}.{}", i + 1, j), write.scaled(list[i].channels),
                      j == 0 ? list[i].stride : 1);
        }
    }
    return x;
}

FeatureMap imagenet_stem(NetworkWriter& write, const FeatureMap& image) {
    const FeatureMap x = write.conv_bn(image, "conv1", {.out = write.scaled(64), .kernel = 7, .stride = 2, .pad = 3});
    return write.max_pool(write.relu(x, "relu1"), "pool1", {.pad = 1});
}

}  // namespace

FeatureMap resnet18(NetworkWriter& write, const FeatureMap& image) {
    return stages(write, imagenet_stem(write, image), {{64, 2, 1}, {128, 2, 2}, {256, 2, 2}, {512, 2, 2}}, basic_block);
}

FeatureMap resnet50(NetworkWriter& write, const FeatureMap& image) {
    return stages(write, imagenet_stem(write, image), {{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}}, bottleneck);
}

FeatureMap tiny(NetworkWriter& write, const FeatureMap& image) {
    const FeatureMap x = write.conv_bn(image, "conv1", {.out = write.scaled(32), .kernel = 3, .stride = 2, .pad = 1});
    return stages(write, write.relu(x, "relu1"), {{128, 2, 2}, {192, 2, 2}}, basic_block);
}

FeatureMap mobilenet_v2(NetworkWriter& write, const FeatureMap& image) {
    const auto conv_relu6 = [&](const FeatureMap& from, const std::string& name, const Convolution& shape) {
        return write.relu6(write.conv_bn(from, name, shape), name + ".relu6");
    };
    FeatureMap x = conv_relu6(image, "conv1", {.out = write.scaled(32, 8), .kernel = 3, .stride = 2, .pad = 1});
    // Table 2 of the paper: expansion, channels, repeats, stride.
    constexpr std::array<std::array<int, 4>, 7> groups{
        {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
    int number = 0;
    for (const auto& [expansion, channels, repeats, first_stride] : groups) {
        for (int i = 0; i < repeats; ++i) {
            const std::string name = fmt::format("block{}", ++number);
            const int stride = i == 0 ? first_stride : 1;
            const std::int64_t out = write.scaled(channels, 8);
            const std::int64_t middle = x.channels * expansion;
            FeatureMap y = expansion == 1 ? x : conv_relu6(x, name + ".expand", {.out = middle});
            y = conv_relu6(y, name + ".depthwise",
                           {.out = middle, .kernel = 3, .stride = stride, .pad = 1, .groups = middle});
            y = write.conv_bn(y, name + ".project", {.out = out});
            x = stride == 1 && x.channels == out ? write.add(x, y, name + ".add") : y;
        }
    }
    return conv_relu6(x, "conv2", {.out = write.scaled(1280, 8)});
}

}  // namespace locus::model
