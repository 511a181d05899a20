#pragma once

/// Writes a network layer by layer, with random weights, as the chosen opset spells each operator.
///
///     NetworkWriter write(options, 224);
///     FeatureMap x = write.input();
///     x = write.conv_bn(x, "conv1", {.out = 64, .kernel = 7, .stride = 2, .pad = 3});
///     x = write.relu(x, "relu1");
///     write.output(write.linear(write.pool(x, Head::gap), "fc", 1000), "logits");
///
/// A node, its first output and its weights share the layer's name: node and tensor `conv1`, weights `conv1.weight` and
/// `conv1.bias`.

#include <cstdint>
#include <string>
#include <vector>

#include "model/graph.hpp"
#include "model/networks/builder.hpp"

namespace locus::model {

/// A square map inside a network: tensor [n, channels, size, size], or [n, channels] once pooled (size 0).
struct FeatureMap {
    std::string tensor;
    std::int64_t channels = 0;
    std::int64_t size = 0;  ///< pixels a side for an image of the nominal size, where the network's size is dynamic
};

struct Convolution {
    std::int64_t out = 0;  ///< output channels
    int kernel = 1;
    int stride = 1;
    int pad = 0;
    std::int64_t groups = 1;
};

struct Pooling {
    int kernel = 3;
    int stride = 2;
    int pad = 0;
    int pad_end = 0;  ///< added to `pad` at right and bottom: 1 with kernel 3 and stride 2 is Caffe's rounding up
};

enum class Weights {
    random,
    counted,  ///< only counted: the graph has no initializers of its layers
};

class NetworkWriter {
public:
    /// `image_size` is the network's own; options.image_size overrides it. Throws Error(usage), as every layer does,
    /// where options and network do not go together.
    NetworkWriter(const NetworkOptions& options, int image_size, Weights weights = Weights::random);

    /// `channels` times the width option, rounded to a multiple of `divisor`, at least one such.
    std::int64_t scaled(std::int64_t channels, std::int64_t divisor = 1) const;

    FeatureMap input();
    FeatureMap conv(const FeatureMap& x, const std::string& name, const Convolution& shape, bool bias = true);
    /// Convolution and batch normalisation (`name.bn`), or convolution with bias where batch normalisation is folded
    /// away.
    FeatureMap conv_bn(const FeatureMap& x, const std::string& name, const Convolution& shape);
    FeatureMap relu(const FeatureMap& x, const std::string& name);
    FeatureMap relu6(const FeatureMap& x, const std::string& name);
    FeatureMap max_pool(const FeatureMap& x, const std::string& name, const Pooling& shape = {});
    /// Local response normalisation over 5 channels with the constants of AlexNet (alpha 1e-4, beta 0.75).
    FeatureMap lrn(const FeatureMap& x, const std::string& name);
    FeatureMap dropout(const FeatureMap& x, const std::string& name, float ratio = 0.5F);
    FeatureMap add(const FeatureMap& a, const FeatureMap& b, const std::string& name);
    FeatureMap concat(const std::vector<FeatureMap>& maps, const std::string& name);

    /// [n, channels] from a map, by head: the pool, or for Head::fc the map flattened. Throws Error(usage) for Head::fc
    /// with a dynamic size.
    FeatureMap pool(const FeatureMap& x, Head head);
    FeatureMap linear(const FeatureMap& x, const std::string& name, std::int64_t out);
    FeatureMap softmax(const FeatureMap& x, const std::string& name);

    /// Renames the tensor and makes it the graph's output.
    void output(const FeatureMap& x, const std::string& name);
    /// Gives the tensor another name.
    FeatureMap renamed(const FeatureMap& x, const std::string& name);

    const NetworkOptions& options() const { return options_; }
    Model& model() { return model_; }

private:
    FeatureMap append(const std::string& op_type, const std::string& name, std::vector<std::string> inputs,
                      std::map<std::string, Attribute> attributes, std::int64_t channels, std::int64_t size);
    std::int64_t windows(const FeatureMap& x, const std::string& name, int kernel, int stride, int pads) const;
    std::string constant(const std::string& name, Tensor value);
    /// A learned tensor, filled by `fill(RandomWeights&, std::span<float>)`.
    template <class Fill> std::string learned(const std::string& name, const Shape& shape, Fill fill);

    NetworkOptions options_;
    Weights weights_;
    Model model_;
    std::int64_t parameters_ = 0;
};

}  // namespace locus::model
