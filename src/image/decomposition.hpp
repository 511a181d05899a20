#pragma once

/// The figure by which everybody learns class activation mapping: feature maps, each times its weight, add up to the
/// map (Zhou et al. 2016, figure 2).
///
///     locus::Image figure = locus::decomposition(photo, explanation, region, {});
///
/// One tile for each of the explanation's parts, heated by weight * feature map over the photo; then one for the rest
/// of the channels, which is map - sum of the parts; then "=" and the map itself. Under each tile stand the weight and
/// the channel and the mean of what is shown: the means add up to the map's mean (under global average pooling the
/// logit without its bias). Every tile has its own scale, from 0 to the maximum given under it, since single channels
/// would be pale on the map's. A tile whose evidence is mostly against the class is shown in the diverging colours.

#include "locus/explainer.hpp"
#include "locus/image.hpp"
#include "locus/overlay.hpp"

namespace locus {

/// `region` is what the network saw of the photo, in its pixels. Only colormap, alpha and is_signed of the options
/// count. Throws Error(usage) for an explanation without parts or with parts of other sizes than the map's.
Image decomposition(const Image& photo, const Explanation& explanation, const Region& region,
                    const OverlayOptions& options = {});

}  // namespace locus
