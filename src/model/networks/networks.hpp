#pragma once

/// The trunks of the networks that `build` knows: each takes the image and returns the last feature map.

#include "model/networks/network_writer.hpp"

namespace locus::model {

/// Krizhevsky et al. 2012 up to conv5, then the CAM paper's (Zhou et al. 2016, section 3) 3x3 convolution to 1024
/// channels: 13 x 13 positions for 227 x 227 pixels.
FeatureMap alexnet_gap(NetworkWriter& write, const FeatureMap& image);

/// Szegedy et al. 2015 up to inception4e, then a 3x3 convolution to 1024 channels: 14 x 14 positions for 224 x 224
/// pixels.
FeatureMap googlenet_gap(NetworkWriter& write, const FeatureMap& image);

/// Sandler et al. 2018; channels are multiples of 8.
FeatureMap mobilenet_v2(NetworkWriter& write, const FeatureMap& image);

/// Lin et al. 2014, the ImageNet network: the last convolution has one channel a class.
FeatureMap nin(NetworkWriter& write, const FeatureMap& image);

/// He et al. 2016; the 3x3 convolution of a bottleneck has the stride.
FeatureMap resnet18(NetworkWriter& write, const FeatureMap& image);
FeatureMap resnet50(NetworkWriter& write, const FeatureMap& image);

/// A ResNet for images of 64 x 64 pixels that trains on a CPU: 1.5 million parameters, 118 million multiply-adds, 8 x 8
/// positions. Its stem has stride 2: at full resolution few channels would take a third of the time.
FeatureMap tiny(NetworkWriter& write, const FeatureMap& image);

/// Simonyan & Zisserman 2015, configuration D: up to pool5, the layers before the fully connected ones; and up to
/// conv5_3 with the CAM paper's 3x3 convolution to 1024 channels: 14 x 14 positions for 224 x 224 pixels.
FeatureMap vgg16(NetworkWriter& write, const FeatureMap& image);
FeatureMap vgg16_gap(NetworkWriter& write, const FeatureMap& image);

}  // namespace locus::model
