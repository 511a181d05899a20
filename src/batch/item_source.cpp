#include "batch/item_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "files/npy.hpp"
#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::batch {
namespace {

/// Where the values of one item lie.
struct Planes {
    int channels, height, width;
    bool last;  ///< channels after columns

    Planes(const Tensor& input, Layout layout) : last(layout == Layout::nhwc) {
        const auto extent = [&](std::size_t dimension) { return static_cast<int>(input.shape()[dimension]); };
        channels = extent(last ? 3 : 1);
        height = extent(last ? 1 : 2);
        width = extent(last ? 2 : 3);
    }

    std::size_t at(int channel, int y, int x) const {
        return last ? (static_cast<std::size_t>(y) * width + x) * channels + channel
                    : (static_cast<std::size_t>(channel) * height + y) * width + x;
    }
};

std::uint8_t byte_of(double shade) {
    return static_cast<std::uint8_t>(std::clamp(std::isfinite(shade) ? std::round(shade) : 0.0, 0.0, 255.0));
}

Image blank(const Planes& planes) {
    return {.width = planes.width,
            .height = planes.height,
            .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(planes.width) * planes.height * 3)};
}

/// Of channels that are no colours: the mean of them, in grey from its least value to its greatest.
Image mean_picture(const Tensor& input, Layout layout) {
    const Tensor floats = input.to_float32();
    const auto values = floats.values<float>();
    const Planes planes(input, layout);
    std::vector<double> means;
    for (int y = 0; y < planes.height; ++y) {
        for (int x = 0; x < planes.width; ++x) {
            double sum = 0;
            for (int c = 0; c < planes.channels; ++c) sum += values[planes.at(c, y, x)];
            means.push_back(sum / planes.channels);
        }
    }
    const auto [least, greatest] = std::minmax_element(means.begin(), means.end());
    const double low = *least, span = *greatest - low;
    Image picture = blank(planes);
    for (std::size_t i = 0; i < means.size(); ++i) {
        const std::uint8_t shade = byte_of(span > 0 ? (means[i] - low) / span * 255 : 128);
        std::fill_n(picture.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, shade);
    }
    return picture;
}

/// Undoes the preprocessing of one item, so that there is a picture to lay the heat on.
Image picture_of(const Tensor& input, const Preprocessing& p) {
    if (p.color == ColorOrder::other) return mean_picture(input, p.layout);
    const Tensor floats = input.to_float32();
    const auto values = floats.values<float>();
    const Planes planes(input, p.layout);
    Image picture = blank(planes);
    for (int y = 0; y < planes.height; ++y) {
        for (int x = 0; x < planes.width; ++x) {
            for (int c = 0; c < 3; ++c) {
                const int channel = planes.channels < 3 ? 0 : p.color == ColorOrder::bgr ? 2 - c : c;
                const auto statistic = static_cast<std::size_t>(channel);
                const float value = values[planes.at(channel, y, x)];
                picture.pixel(x, y)[c] = byte_of(
                    p.type == DataType::uint8 ? value
                                              : (value / p.range * p.std[statistic] + p.mean[statistic]) * 255.0F);
            }
        }
    }
    return picture;
}

Tensor read_array(const InputItem& item) {
    files::NpyReader file(item.file);
    const auto first_side = file.shape().begin() + (item.array_item && !file.shape().empty() ? 1 : 0);
    if (std::any_of(first_side, file.shape().end(), [](std::int64_t side) { return side > most_input_side; })) {
        throw Error(ErrorKind::image, fmt::format("{} has the shape {}, but no side of an input is longer than {}",
                                                  text::quote(item.name), to_string(file.shape()), most_input_side));
    }
    Tensor input;
    if (item.array_item) {
        input = file.read_items(*item.array_item, 1);
    } else {
        const Tensor array = file.read();
        Shape shape = array.shape();
        shape.insert(shape.begin(), 1);
        input = array.reshaped(shape);
    }
    if (input.rank() != 4 || input.size() == 0) {
        throw Error(ErrorKind::image,
                    fmt::format("{} has the shape {}, but a preprocessed input is [C, H, W] or [N, C, H, W]",
                                text::quote(item.name), to_string(file.shape())));
    }
    const Tensor floats = input.to_float32();
    const auto values = floats.values<float>();
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
        throw Error(ErrorKind::image,
                    fmt::format("{} holds NaN or infinity: an input is finite numbers", text::quote(item.name)));
    }
    return input;
}

/// A network of other channels runs with no other number of them; ONNX Runtime would say so of a convolution.
void require_channels(const Tensor& input, const InputItem& item, const Preprocessing& p) {
    if (p.color != ColorOrder::other || Planes(input, p.layout).channels == p.other_channels) return;
    Shape shape = input.shape();
    shape.erase(shape.begin());
    throw Error(ErrorKind::image, fmt::format("{} has the shape {}, but the network takes {} channels: {}",
                                              text::quote(item.name), to_string(shape), p.other_channels,
                                              p.layout == Layout::nhwc ? fmt::format("[H, W, {}]", p.other_channels)
                                                                       : fmt::format("[{}, H, W]", p.other_channels)));
}

/// `count` items of the shape that `one` has, which counts one.
Tensor room_for(DataType type, const Shape& one, std::size_t count) {
    Shape shape = one;
    shape[0] = static_cast<std::int64_t>(count);
    return Tensor::for_overwrite(type, shape);
}

bool of_one_kind(const Tensor& a, const Tensor& b) { return a.type() == b.type() && a.shape() == b.shape(); }

/// Items of one shape in one tensor.
Tensor joined(std::span<const Tensor> inputs) {
    const Tensor& first = inputs.front();
    if (inputs.size() == 1) return first;
    Tensor batch = room_for(first.type(), first.shape(), inputs.size());
    const auto target = batch.mutable_bytes();
    std::size_t done = 0;
    for (const Tensor& input : inputs) {
        std::memcpy(target.data() + done, input.bytes().data(), input.bytes().size());
        done += input.bytes().size();
    }
    return batch;
}

}  // namespace

InputBatch::InputBatch(const Preprocessing& preprocessing, std::size_t room, int sample_bits)
    : preprocessing_(preprocessing), room_(room), sample_bits_(sample_bits) {}

Source InputBatch::read(const InputItem& item, bool whole, const std::atomic<bool>* stop) {
    Source source;
    if (is_array(item.file)) {
        Tensor array = read_array(item);
        require_channels(array, item, preprocessing_);
        source.picture = picture_of(array, preprocessing_);
        source.width = source.picture.width;
        source.height = source.picture.height;
        source.region = {0, 0, static_cast<double>(source.width), static_cast<double>(source.height)};
        add(std::move(array));
        return source;
    }
    image::require_photo_channels(preprocessing_);
    image::DecodeOptions options{.sample_bits = sample_bits_, .stop = stop};
    if (!whole) options.reduce_to = image::needed_side(preprocessing_);
    image::Photo photo = image::decode(item.file, options);
    source.width = photo.width;
    source.height = photo.height;
    source.warning = std::move(photo.warning);
    source.has_16_bits = photo.has_16_bits;
    source.region = visible_region(photo.width, photo.height, preprocessing_);
    add(photo.image);
    source.picture = std::move(photo.image);
    return source;
}

void InputBatch::add(const Image& photo) {
    if (!apart_.empty()) {
        apart_.push_back(preprocess(photo, preprocessing_));
        return;
    }
    if (!photos_) photos_ = room_for(preprocessing_.type, image::input_shape(preprocessing_, 1), room_);
    const std::size_t bytes = input_bytes(preprocessing_);
    preprocess_into(photo, preprocessing_, photos_->mutable_bytes().subspan(count_ * bytes, bytes));
    ++count_;
}

void InputBatch::add(Tensor array) {
    set_photos_apart();
    apart_.push_back(std::move(array));
}

void InputBatch::set_photos_apart() {
    const std::size_t bytes = input_bytes(preprocessing_);
    for (std::size_t i = 0; i < count_; ++i) {
        const auto photo = photos_->bytes().subspan(i * bytes, bytes);
        apart_.emplace_back(preprocessing_.type, image::input_shape(preprocessing_, 1),
                            std::vector<std::byte>(photo.begin(), photo.end()));
    }
    count_ = 0;
}

std::vector<Tensor> InputBatch::take() {
    if (count_ < room_) set_photos_apart();
    std::vector<Tensor> batches;
    if (apart_.empty()) {
        batches.push_back(std::move(*photos_));
    } else {
        for (auto first = apart_.begin(); first != apart_.end();) {
            const auto end =
                std::find_if_not(first, apart_.end(), [&](const Tensor& t) { return of_one_kind(*first, t); });
            batches.push_back(joined({first, end}));
            first = end;
        }
    }
    photos_.reset();
    count_ = 0;
    apart_.clear();
    return batches;
}

}  // namespace locus::batch
