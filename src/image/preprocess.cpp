#include "image/preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include <fmt/core.h>

#include "image/pixels.hpp"
#include "image/region_sampler.hpp"
#include "locus/error.hpp"
#include "model/small_floats.hpp"
#include "vectorised.hpp"

namespace locus {
namespace {

/// What an integer cast to an enumeration may be.
template <class T> bool is_known(T value) { return !name(value).empty(); }

void require_known(const Preprocessing& p) {
    const auto refuse = [](const char* what, int number) {
        throw Error(ErrorKind::usage,
                    fmt::format("the preprocessing's {} is {}, which is none of those that there are", what, number));
    };
    if (!is_known(p.resize)) refuse("resize", static_cast<int>(p.resize));
    if (!is_known(p.color)) refuse("color", static_cast<int>(p.color));
    if (!is_known(p.layout)) refuse("layout", static_cast<int>(p.layout));
}

/// Of what pixels are calculated with.
void require_numbers(const Preprocessing& p) {
    for (const float mean : p.mean) {
        if (!std::isfinite(mean))
            throw Error(ErrorKind::usage, fmt::format("a mean of {} is not possible: it is a finite number", mean));
    }
    for (const float deviation : p.std) {
        if (!(std::abs(deviation) > 0) || !std::isfinite(deviation)) {
            throw Error(ErrorKind::usage,
                        fmt::format("a standard deviation of {} is not possible: pixels are divided by it", deviation));
        }
    }
    if (!(p.range > 0) || !std::isfinite(p.range))
        throw Error(ErrorKind::usage,
                    fmt::format("a range of {} is not possible: it is the value of white, 1 or 255", p.range));
}

void require_usable(const Preprocessing& p) {
    require_known(p);
    if (p.width < 1 || p.height < 1 || p.width > most_input_side || p.height > most_input_side) {
        throw Error(ErrorKind::usage,
                    fmt::format("a network's input of {} x {} pixels is not possible: sides of 1 to {} are", p.width,
                                p.height, most_input_side));
    }
    if (p.resize != Resize::squash && !(p.crop_pct > 0 && p.crop_pct <= 1)) {
        throw Error(ErrorKind::usage,
                    fmt::format("a crop_pct of {} is not possible: it lies above 0 and at most at 1", p.crop_pct));
    }
    if (p.type != DataType::float32 && p.type != DataType::float16 && p.type != DataType::uint8) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("pictures cannot be given to a network as {}: float, float16 and uint8 are possible",
                                name(p.type)));
    }
    if (p.color == ColorOrder::other && p.other_channels < 1) {
        throw Error(ErrorKind::usage, fmt::format("a network's input of {} channels is not possible: it has 1 or more",
                                                  p.other_channels));
    }
    if (p.type != DataType::uint8 && p.color != ColorOrder::other) require_numbers(p);
}

template <class T> T element_of(float value) {
    if constexpr (sizeof(T) == 4) {
        return value;
    } else if constexpr (sizeof(T) == 2) {
        return model::float_to_half(value);
    } else {
        // NOLINTNEXTLINE(bugprone-incorrect-roundings): never negative, and lround is a call for each value
        return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F) + 0.5F);
    }
}

/// value * scale + offset of each channel, in the network's order.
struct Normalisation {
    std::array<int, 3> source{0, 1, 2};  // which of red, green, blue
    std::array<float, 3> scale{1, 1, 1};
    std::array<float, 3> offset{0, 0, 0};
};

Normalisation normalisation_of(const Preprocessing& p) {
    Normalisation n;
    if (p.color == ColorOrder::bgr) n.source = {2, 1, 0};
    if (p.type == DataType::uint8) return n;
    for (std::size_t c = 0; c < 3; ++c) {
        const double deviation = p.std[c];
        n.scale[c] = static_cast<float>(p.range / (255.0 * deviation));
        n.offset[c] = static_cast<float>(-p.range * static_cast<double>(p.mean[c]) / deviation);
    }
    return n;
}

/// bytes[i] = values[i], which are 0 ... 255, rounded.
LOCUS_VECTORISED
void round_values(const float* values, std::size_t count, std::uint8_t* bytes) {
    for (std::size_t i = 0; i < count; ++i) {
        const float value = values[i] + 0.5F;
        bytes[i] = static_cast<std::uint8_t>(static_cast<int>(value < 255 ? value : 255.0F));
    }
}

/// One row of pixels (four floats each) of 0 ... 255 as interleaved bytes, rounded.
void write_bytes(const float* pixels, std::size_t width, const std::array<int, 3>& order, std::uint8_t* out) {
    constexpr std::size_t block = 64;
    std::array<std::uint8_t, 4 * block> bytes{};
    for (std::size_t begin = 0; begin < width; begin += block) {
        const std::size_t count = std::min(block, width - begin);
        round_values(pixels + 4 * begin, 4 * count, bytes.data());
        for (std::size_t x = 0; x < count; ++x, out += 3)
            for (std::size_t c = 0; c < 3; ++c) out[c] = bytes[4 * x + order[c]];
    }
}

/// red[i] = pixels[4 i] * scale[0] + offset[0], and so on, in one walk over the pixels.
LOCUS_VECTORISED
void write_planes(const float* __restrict pixels, std::size_t width, const float* scale, const float* offset,
                  float* __restrict red, float* __restrict green, float* __restrict blue) {
    const float s[]{scale[0], scale[1], scale[2]}, o[]{offset[0], offset[1], offset[2]};
    for (std::size_t i = 0; i < width; ++i) {
        red[i] = pixels[4 * i] * s[0] + o[0];
        green[i] = pixels[4 * i + 1] * s[1] + o[1];
        blue[i] = pixels[4 * i + 2] * s[2] + o[2];
    }
}

/// One row of pixels (four floats each) into its place in the tensor.
template <class T>
void write_row(const float* pixels, int row, const Preprocessing& p, const Normalisation& n, T* tensor) {
    const auto width = static_cast<std::size_t>(p.width);
    const std::size_t plane = width * static_cast<std::size_t>(p.height);
    const std::size_t start = static_cast<std::size_t>(row) * width;
    if (p.color == ColorOrder::gray) {
        // Luma of ITU-R BT.601.
        for (std::size_t x = 0; x < width; ++x) {
            const float* rgb = pixels + 4 * x;
            const float luma = 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2];
            tensor[start + x] = element_of<T>(luma * n.scale[0] + n.offset[0]);
        }
        return;
    }
    if constexpr (sizeof(T) == sizeof(float)) {
        if (p.layout == Layout::nchw) {
            std::array<T*, 3> planes{};
            std::array<float, 3> scale{}, offset{};
            for (std::size_t c = 0; c < 3; ++c) {
                const auto source = static_cast<std::size_t>(n.source[c]);
                planes[source] = tensor + start + c * plane;
                scale[source] = n.scale[c];
                offset[source] = n.offset[c];
            }
            return write_planes(pixels, width, scale.data(), offset.data(), planes[0], planes[1], planes[2]);
        }
    }
    if constexpr (sizeof(T) == 1) {
        if (p.layout == Layout::nhwc) return write_bytes(pixels, width, n.source, tensor + 3 * start);
    }
    const std::size_t pixel_step = p.layout == Layout::nchw ? 1 : 3;
    const std::size_t channel_step = p.layout == Layout::nchw ? plane : 1;
    for (std::size_t c = 0; c < 3; ++c) {
        const float* source = pixels + n.source[c];
        T* target = tensor + start * pixel_step + c * channel_step;
        const float scale = n.scale[c];
        const float offset = n.offset[c];
        for (std::size_t x = 0; x < width; ++x) target[x * pixel_step] = element_of<T>(source[4 * x] * scale + offset);
    }
}

template <class T> void sample(const Image& image, const Preprocessing& p, std::byte* out) {
    image::RegionSampler sampler(image, visible_region(image.width, image.height, p), p.width, p.height);
    const Normalisation n = normalisation_of(p);
    T* tensor = reinterpret_cast<T*>(out);
    for (int y = 0; y < p.height; ++y) write_row(sampler.row(y), y, p, n, tensor);
}

template <class T, std::size_t Count> using Names = std::array<std::pair<T, std::string_view>, Count>;

constexpr Names<Resize, 3> resize_names{
    {{Resize::squash, "squash"}, {Resize::crop, "crop"}, {Resize::squash_crop, "squash-crop"}}};
constexpr Names<ColorOrder, 4> color_names{
    {{ColorOrder::rgb, "rgb"}, {ColorOrder::bgr, "bgr"}, {ColorOrder::gray, "gray"}, {ColorOrder::other, "other"}}};
constexpr Names<Layout, 2> layout_names{{{Layout::nchw, "nchw"}, {Layout::nhwc, "nhwc"}}};

template <class T, std::size_t Count> std::string_view name_in(const Names<T, Count>& names, T value) {
    const auto* found = std::ranges::find(names, value, &std::pair<T, std::string_view>::first);
    return found == names.end() ? std::string_view() : found->second;
}

template <class T, std::size_t Count> std::optional<T> of_name(const Names<T, Count>& names, std::string_view name) {
    const auto* found = std::ranges::find(names, name, &std::pair<T, std::string_view>::second);
    return found == names.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace

std::string_view name(Resize resize) { return name_in(resize_names, resize); }
std::string_view name(ColorOrder color) { return name_in(color_names, color); }
std::string_view name(Layout layout) { return name_in(layout_names, layout); }

std::optional<Resize> resize_of(std::string_view name) { return of_name(resize_names, name); }
std::optional<ColorOrder> color_order_of(std::string_view name) { return of_name(color_names, name); }
std::optional<Layout> layout_of(std::string_view name) { return of_name(layout_names, name); }

int channels(const Preprocessing& p) {
    if (p.color == ColorOrder::other) return p.other_channels;
    return p.color == ColorOrder::gray ? 1 : 3;
}

Region visible_region(int image_width, int image_height, const Preprocessing& p) {
    require_usable(p);
    if (image_width < 1 || image_height < 1) {
        throw Error(ErrorKind::usage,
                    fmt::format("a photo of {} x {} pixels has nothing to see", image_width, image_height));
    }
    const double w = image_width;
    const double h = image_height;
    if (p.resize == Resize::squash) return {0, 0, w, h};
    double width = w * p.crop_pct;
    double height = h * p.crop_pct;
    if (p.resize == Resize::crop) {
        // Photo pixels for one of the network's: the shorter side (in shares of the input's) becomes size / crop_pct.
        const double scale = std::min(width / p.width, height / p.height);
        width = scale * p.width;
        height = scale * p.height;
    }
    return {(w - width) / 2, (h - height) / 2, width, height};
}

std::size_t input_bytes(const Preprocessing& p) {
    require_usable(p);
    return static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.height) *
           static_cast<std::size_t>(channels(p)) * static_cast<std::size_t>(bits(p.type) / 8);
}

void preprocess_into(const Image& image, const Preprocessing& p, std::span<std::byte> out) {
    image::require_pixels(image);
    image::require_photo_channels(p);
    if (out.size() != input_bytes(p)) {
        throw Error(ErrorKind::usage,
                    fmt::format("room for {} bytes was given to an input of {} bytes", out.size(), input_bytes(p)));
    }
    switch (p.type) {
        case DataType::float16:
            return sample<std::uint16_t>(image, p, out.data());
        case DataType::uint8:
            return sample<std::uint8_t>(image, p, out.data());
        default:
            return sample<float>(image, p, out.data());
    }
}

Tensor preprocess(const Image& image, const Preprocessing& p) {
    Tensor tensor = Tensor::for_overwrite(p.type, image::input_shape(p, 1));
    preprocess_into(image, p, tensor.mutable_bytes());
    return tensor;
}

}  // namespace locus

namespace locus::image {

Shape input_shape(const Preprocessing& p, std::int64_t batch) {
    require_usable(p);
    return p.layout == Layout::nchw ? Shape{batch, channels(p), p.height, p.width}
                                    : Shape{batch, p.height, p.width, channels(p)};
}

void require_photo_channels(const Preprocessing& p) {
    if (p.color != ColorOrder::other) return;
    const Shape shape = input_shape(p, 1);
    throw Error(
        ErrorKind::usage,
        fmt::format("the network takes {} channels, which no photo has: give it .npy arrays of the shape [{}, {}, {}], "
                    "preprocessed already",
                    channels(p), shape[1], shape[2], shape[3]));
}

int needed_side(const Preprocessing& p) {
    require_usable(p);
    constexpr double gap = 3;
    const double side = std::max(p.width, p.height);
    return static_cast<int>(std::ceil(gap * (p.resize == Resize::squash ? side : side / p.crop_pct)));
}

}  // namespace locus::image
