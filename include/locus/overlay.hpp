#pragma once

/// Pictures of maps.
///
///     locus::Image picture = locus::overlay(photo, full_map, boxes, {.label = "tabby 94 %"});

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "locus/boxes.hpp"
#include "locus/image.hpp"
#include "locus/map.hpp"

namespace locus {

struct OverlayOptions {
    std::string colormap = "turbo";  ///< see colormap_names()
    double alpha = 0.5;              ///< opacity of the heat, 0..1
    bool is_signed = false;          ///< diverging colours about zero, negative evidence shown
    bool legend = true;              ///< the colours with the numbers at their ends
    bool draw_boxes = true;
    std::string label{};  ///< drawn at the first box, or at the top left; UTF-8, what the font lacks is transliterated
};

/// The colour map with two ends about a neutral middle, which signed heat always takes.
inline constexpr const char* diverging_colormap = "blue-red";

/// Names that OverlayOptions::colormap takes.
const std::vector<std::string>& colormap_names();

/// 256 RGB colours from low to high; throws Error(usage), naming all there are, for another name.
const std::array<std::array<std::uint8_t, 3>, 256>& colormap(std::string_view name);

/// The photo under the heat of a map of its own size. On a picture whose shorter side is below 64 pixels there is no
/// room for text: label and legend are left out, the box is drawn. Positive evidence: 0 to the maximum over the colour
/// map; signed: minus to plus the largest absolute value. Throws Error(usage) where the sizes differ, for a photo or a
/// map with another number of values than its size says, an alpha outside [0, 1] and a colour map that does not exist,
/// Error(resource) for sizes beyond most_side or most_pixels (`locus/boxes.hpp`).
Image overlay(const Image& photo, const Map& map, const std::vector<Box>& boxes, const OverlayOptions& options = {});

/// The heat alone, without the photo. Throws Error(usage) for a colour map that does not exist, and for a map that is
/// empty or has another number of values than its size says; Error(resource) as overlay() does.
Image heatmap(const Map& map, const OverlayOptions& options = {});

/// Both straight from a raw map, of a network that saw only `region` of the photo (Explanation::region): what it did not
/// see stays as it is, or has the colour of no evidence. For signed pictures of a crop these are the ones to take, since
/// upsample() sets the least value there, for the sake of boxes. Throw as upsample() as well.
Image overlay_raw(const Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                  const OverlayOptions& options = {});
Image heatmap_raw(const Map& raw, int width, int height, const Region& region, const OverlayOptions& options = {});

/// White where the map lies above `threshold` times its maximum, else black. Throws Error(usage) for a threshold
/// outside [0, 1), and for a map as heatmap() does.
Image mask(const Map& map, double threshold);

}  // namespace locus
