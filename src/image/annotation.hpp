#pragma once

/// What is drawn on top of a heated photo: boxes, a label, a legend. Everything is sized by the picture, so that it
/// reads the same on 300 and on 4000 pixels; what would not be legible is left out.

#include <string>
#include <vector>

#include "image/heat.hpp"
#include "locus/boxes.hpp"
#include "locus/explainer.hpp"
#include "locus/image.hpp"

namespace locus::image {

/// Height of capitals in a picture of this size, pixels; 0 where text is not legible (a side below 64 pixels).
int text_height(const Image& picture);

/// What a class is called in pictures: by its short name; "class 281" where it has no label, or one in letters that
/// pictures do not have (image/text.hpp).
std::string class_name_in_picture(const Explanation& explanation);

/// Outlines: white on dark, about 0.6 % of the shorter side and at least one pixel wide; the first box stands out.
void draw_boxes(Image& picture, const std::vector<Box>& boxes);

/// The label on a dark plate at the first box: above it where there is room, else inside its upper edge; without boxes
/// at the top left. Cut short where it is too long. Left out where text is not legible.
void draw_label(Image& picture, const std::string& label, const std::vector<Box>& boxes);

/// The colours from scale.low to scale.high with both numbers, on a dark plate at the bottom right. Left out where text
/// is not legible or the plate would take more than 70 % of the width.
void draw_legend(Image& picture, const HeatScale& scale, const HeatPalette& opaque);

/// A number for a legend: three significant digits.
std::string legend_number(double value);

}  // namespace locus::image
