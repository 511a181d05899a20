#pragma once

/// Architectures in small, as exporters write them: what the methods must cope with beyond the networks of the builder.
///
///     for (const auto& [name, make] : test::exported_networks())
///         test::ExportedNetwork network = make({.opset = 17, .style = test::Style::simplified});

#include <string>
#include <utility>
#include <vector>

#include "model/head.hpp"
#include "support/exported/exporter.hpp"

namespace locus::test {

/// A tensor to explain, and what is to be found out about it.
struct ExportedLayer {
    std::string tensor;
    model::FeatureLayout layout = model::FeatureLayout::channels_first;
    std::int64_t channels = 0, side = 0, leading_tokens = 0, trailing_tokens = 0;
};

/// Input `input` [n, 3, 96, 96], output `logits` [n, 7].
struct ExportedNetwork {
    model::Model model;
    std::vector<ExportedLayer> layers;
    std::string chosen;  ///< the layer that is to be taken where none is named; empty: any
};

inline constexpr std::int64_t exported_classes = 7, exported_size = 96;

ExportedNetwork squeeze_excite(const Export& options);   ///< MobileNetV3: hard-swish, squeeze-excite, two linear layers
ExportedNetwork channel_shuffle(const Export& options);  ///< ShuffleNetV2
ExportedNetwork bottleneck(const Export& options);       ///< ResNet-50's blocks
ExportedNetwork silu_inverted(const Export& options);    ///< EfficientNet: SiLU, squeeze-excite
ExportedNetwork fire_modules(const Export& options);     ///< SqueezeNet
ExportedNetwork convnext(const Export& options);         ///< LayerNorm and Gelu in [n, h, w, C] between convolutions
ExportedNetwork channels_last(const Export& options);    ///< TensorFlow's layout: [n, h, w, C] but at the convolutions
ExportedNetwork swin(const Export& options);             ///< shifted windows on [n, h, w, C] (torchvision)
ExportedNetwork swin_tokens(const Export& options);      ///< the same on [n, tokens, C] (timm, Hugging Face)
ExportedNetwork vit(const Export& options);              ///< class token
ExportedNetwork deit(const Export& options);             ///< class and distillation token, joined one after another
ExportedNetwork vit_mean(const Export& options);         ///< no class token: mean over the tokens
ExportedNetwork vit_class_last(const Export& options);   ///< class token behind the patches
ExportedNetwork vit_registers(const Export& options);    ///< class token, patches, four registers
ExportedNetwork cait(const Export& options);             ///< the class token joins in the last blocks, and asks alone

const std::vector<std::pair<std::string, ExportedNetwork (*)(const Export&)>>& exported_networks();

}  // namespace locus::test
