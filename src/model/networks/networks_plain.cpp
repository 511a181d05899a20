// Networks without residual connections.

#include <array>

#include <fmt/format.h>

#include "model/networks/networks.hpp"

namespace locus::model {
namespace {

FeatureMap conv_relu(NetworkWriter& write, const FeatureMap& x, const std::string& name, const Convolution& shape) {
    return write.relu(write.conv(x, name, shape), name + ".relu");
}

/// The layer that the CAM paper puts before global average pooling.
FeatureMap cam_conv(NetworkWriter& write, const FeatureMap& x) {
    return conv_relu(write, x, "cam_conv", {.out = write.scaled(1024), .kernel = 3, .pad = 1});
}

/// VGG's thirteen convolutions, each block but the last followed by its pool.
FeatureMap vgg16_convolutions(NetworkWriter& write, FeatureMap x) {
    struct Block {
        int convolutions;
        int channels;
    };
    constexpr std::array<Block, 5> blocks{{{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}}};
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        for (int j = 1; j <= blocks[i].convolutions; ++j) {
            x = conv_relu(write, x, fmt::format("conv{}_{}", i + 1, j),
                          {.out = write.scaled(blocks[i].channels), .kernel = 3, .pad = 1});
        }
        if (i + 1 < blocks.size()) x = write.max_pool(x, fmt::format("pool{}", i + 1), {.kernel = 2, .stride = 2});
    }
    return x;
}

}  // namespace

FeatureMap alexnet_gap(NetworkWriter& write, const FeatureMap& image) {
    FeatureMap x = conv_relu(write, image, "conv1", {.out = write.scaled(96, 2), .kernel = 11, .stride = 4});
    x = write.max_pool(write.lrn(x, "norm1"), "pool1");
    // The groups are those of its two graphics cards.
    x = conv_relu(write, x, "conv2", {.out = write.scaled(256, 2), .kernel = 5, .pad = 2, .groups = 2});
    x = write.max_pool(write.lrn(x, "norm2"), "pool2");
    x = conv_relu(write, x, "conv3", {.out = write.scaled(384, 2), .kernel = 3, .pad = 1});
    x = conv_relu(write, x, "conv4", {.out = write.scaled(384, 2), .kernel = 3, .pad = 1, .groups = 2});
    x = conv_relu(write, x, "conv5", {.out = write.scaled(256, 2), .kernel = 3, .pad = 1, .groups = 2});
    return cam_conv(write, x);
}

FeatureMap nin(NetworkWriter& write, const FeatureMap& image) {
    // A convolution and two of 1x1 (the paper's "mlpconv").
    const auto mlp = [&](const FeatureMap& x, int i, std::int64_t last, const Convolution& shape) {
        FeatureMap y = conv_relu(write, x, fmt::format("conv{}", i), shape);
        y = conv_relu(write, y, fmt::format("conv{}.mlp1", i), {.out = shape.out});
        return conv_relu(write, y, fmt::format("conv{}.mlp2", i), {.out = last});
    };
    const auto chain = [&](const FeatureMap& x, int i, int channels, Convolution shape) {
        shape.out = write.scaled(channels);
        return write.max_pool(mlp(x, i, shape.out, shape), fmt::format("pool{}", i), {.pad_end = 1});
    };
    FeatureMap x = chain(image, 1, 96, {.kernel = 11, .stride = 4});
    x = chain(x, 2, 256, {.kernel = 5, .pad = 2});
    x = write.dropout(chain(x, 3, 384, {.kernel = 3, .pad = 1}), "drop3");
    return mlp(x, 4, write.options().classes, {.out = write.scaled(1024), .kernel = 3, .pad = 1});
}

FeatureMap vgg16(NetworkWriter& write, const FeatureMap& image) {
    return write.max_pool(vgg16_convolutions(write, image), "pool5", {.kernel = 2, .stride = 2});
}

FeatureMap vgg16_gap(NetworkWriter& write, const FeatureMap& image) {
    return cam_conv(write, vgg16_convolutions(write, image));
}

FeatureMap googlenet_gap(NetworkWriter& write, const FeatureMap& image) {
    // Rounding up, as Caffe's pools do and the paper's sizes want.
    constexpr Pooling halve{.pad_end = 1};
    FeatureMap x = conv_relu(write, image, "conv1", {.out = write.scaled(64), .kernel = 7, .stride = 2, .pad = 3});
    x = write.lrn(write.max_pool(x, "pool1", halve), "norm1");
    x = conv_relu(write, x, "conv2.reduce", {.out = write.scaled(64)});
    x = conv_relu(write, x, "conv2", {.out = write.scaled(192), .kernel = 3, .pad = 1});
    x = write.max_pool(write.lrn(x, "norm2"), "pool2", halve);

    // Table 1 of the paper: 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; pool projected.
    const auto inception = [&](const std::string& name, const std::array<int, 6>& channels) {
        const auto branch = [&](const FeatureMap& from, const char* part, int out, int kernel) {
            return conv_relu(write, from, name + part, {.out = write.scaled(out), .kernel = kernel, .pad = kernel / 2});
        };
        const FeatureMap one = branch(x, ".1x1", channels[0], 1);
        const FeatureMap three = branch(branch(x, ".3x3.reduce", channels[1], 1), ".3x3", channels[2], 3);
        const FeatureMap five = branch(branch(x, ".5x5.reduce", channels[3], 1), ".5x5", channels[4], 5);
        const FeatureMap pooled = write.max_pool(x, name + ".pool", {.kernel = 3, .stride = 1, .pad = 1});
        x = write.concat({one, three, five, branch(pooled, ".pool.project", channels[5], 1)}, name);
    };
    inception("inception3a", {64, 96, 128, 16, 32, 32});
    inception("inception3b", {128, 128, 192, 32, 96, 64});
    x = write.max_pool(x, "pool3", halve);
    inception("inception4a", {192, 96, 208, 16, 48, 64});
    inception("inception4b", {160, 112, 224, 24, 64, 64});
    inception("inception4c", {128, 128, 256, 24, 64, 64});
    inception("inception4d", {112, 144, 288, 32, 64, 64});
    inception("inception4e", {256, 160, 320, 32, 128, 128});
    return cam_conv(write, x);
}

}  // namespace locus::model
