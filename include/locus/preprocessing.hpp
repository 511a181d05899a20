#pragma once

/// How a photo becomes a network's input.
///
///     locus::Preprocessing p;                 // ImageNet's: RGB, 224 x 224, its mean and deviation
///     p.resize = locus::Resize::crop;
///     locus::Tensor x = locus::preprocess(image, p);   // float32 [1, 3, 224, 224]
///
/// The values of a pixel, v in 0..255, become (v / 255 - mean) / std, in the network's colour order and layout; with
/// `range` 255 they become v - 255 * mean over std, that is, mean and std stay those of values scaled to 0..1 and the
/// result is 255 times as large.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "locus/image.hpp"
#include "locus/tensor.hpp"

namespace locus {

enum class Resize {
    squash,       ///< the whole photo, its aspect ratio given up
    crop,         ///< the shorter side to size / crop_pct, then the centre
    squash_crop,  ///< the whole photo to size / crop_pct, its aspect ratio given up, then the centre
};
enum class ColorOrder {
    rgb,
    bgr,
    gray,
    other,  ///< channels that no photo has, as those of a multispectral camera: such a network takes arrays alone
};
enum class Layout { nchw, nhwc };

/// "squash", "crop" or "squash-crop"; "rgb", "bgr", "gray" or "other"; "nchw" or "nhwc": as options and files spell it.
/// Empty for a number that is none of them.
std::string_view name(Resize resize);
std::string_view name(ColorOrder color);
std::string_view name(Layout layout);

/// What has this name; nullopt where nothing has.
std::optional<Resize> resize_of(std::string_view name);
std::optional<ColorOrder> color_order_of(std::string_view name);
std::optional<Layout> layout_of(std::string_view name);

/// Pixels that a side of a network's input may have.
inline constexpr int most_input_side = 16384;

/// What options, files and ExplainerOptions::preprocessing may say of mean, deviation and range: a mean beyond
/// -most_mean ... most_mean is of values that nobody scaled to 0..1, a deviation beyond leaves no number of float32 to
/// calculate with, and white is not above that of 16 bits.
inline constexpr float most_mean = 2, least_std = 1e-9F, most_std = 1e9F, most_range = 65535;

struct Preprocessing {
    int width = 224;                                    ///< pixels of the network's input
    int height = 224;                                   ///< pixels of the network's input
    std::array<float, 3> mean{0.485F, 0.456F, 0.406F};  ///< of values scaled to 0..1, in the network's colour order
    std::array<float, 3> std{0.229F, 0.224F, 0.225F};
    float range = 1.0F;  ///< value of white before mean and std are applied: 1, or 255 for networks fed with raw bytes
    Resize resize = Resize::squash;
    float crop_pct = 0.875F;  ///< share of the resized photo's sides that a crop keeps; unused with Resize::squash
    ColorOrder color = ColorOrder::rgb;
    int other_channels = 0;  ///< how many, with ColorOrder::other; mean, std, range and resize mean nothing then
    Layout layout = Layout::nchw;
    DataType type = DataType::float32;  ///< float32, float16 or uint8, as the network's input wants it

    bool operator==(const Preprocessing&) const = default;
};

/// Of the network's input: 3, 1 with ColorOrder::gray, or `other_channels`.
int channels(const Preprocessing& preprocessing);

/// The part of the photo that the network sees, in pixels of the upright photo; fractions of pixels occur with crops.
struct Region {
    double x = 0, y = 0, width = 0, height = 0;
};

/// The region that `preprocess` samples of a photo of this size. Resize::squash: all of it. Resize::squash_crop:
/// crop_pct of its width and of its height, about its centre. Resize::crop: with s = min(image_width *
/// crop_pct / width, image_height * crop_pct / height) photo pixels for one of the network's, s * width by s * height
/// about the photo's centre: what resizing the shorter side to size / crop_pct and cropping the middle shows, computed
/// without rounding. (torchvision's Resize rounds the longer side down to a whole pixel and CenterCrop puts the crop at
/// a whole pixel: its crop lies within half a pixel of the resized photo from ours.) Throws Error(usage) for a crop_pct
/// outside (0, 1] with a Resize that crops (Resize::squash does not ask for it) or sides below 1.
Region visible_region(int image_width, int image_height, const Preprocessing& preprocessing);

/// The network's input for one photo: [1, C, H, W] or [1, H, W, C] by layout, C = 3 or 1. Shrinking is antialiased
/// (triangle filter over the source pixels, as Pillow's BILINEAR), enlarging is bilinear with half-pixel centres; all
/// in float32, where Pillow rounds to 8 bits between and after its two passes (values differ by at most 1 of 255). Grey
/// is the luma of ITU-R BT.601, with mean[0] and std[0]. uint8 inputs are 0..255 rounded, without mean and std. Throws
/// Error(usage) for impossible sizes or images, a mean, deviation or range that is not a finite number, a deviation of
/// 0, a range of 0 or less, and for a network of other channels than a photo's; Error(unsupported) for other types.
Tensor preprocess(const Image& image, const Preprocessing& preprocessing);

/// Bytes of one photo's input. Throws what preprocess does for the preprocessing.
std::size_t input_bytes(const Preprocessing& preprocessing);

/// The same as `preprocess` into room that the caller has, say one photo's place in a batch: `out` is `input_bytes`
/// long.
void preprocess_into(const Image& image, const Preprocessing& preprocessing, std::span<std::byte> out);

}  // namespace locus
