#include "batch/item_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "locus/error.hpp"
#include "report/npy.hpp"

namespace locus::batch {
namespace {

/// Undoes the preprocessing of one item, so that there is a picture to lay the heat on.
Image picture_of(const Tensor& input, const Preprocessing& p) {
    const Tensor floats = input.to_float32();
    const auto values = floats.values<float>();
    const bool last = p.layout == Layout::nhwc;
    const auto extent = [&](std::size_t dimension) { return static_cast<int>(input.shape()[dimension]); };
    const int channels = extent(last ? 3 : 1), height = extent(last ? 1 : 2), width = extent(last ? 2 : 3);
    Image picture{.width = width,
                  .height = height,
                  .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3)};
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < 3; ++c) {
                const int channel = channels < 3 ? 0 : p.color == ColorOrder::bgr ? 2 - c : c;
                const std::size_t at = last ? (static_cast<std::size_t>(y) * width + x) * channels + channel
                                            : (static_cast<std::size_t>(channel) * height + y) * width + x;
                const auto statistic = static_cast<std::size_t>(channel);
                const float shade = p.type == DataType::uint8
                                        ? values[at]
                                        : (values[at] / p.range * p.std[statistic] + p.mean[statistic]) * 255.0F;
                picture.pixel(x, y)[c] = static_cast<std::uint8_t>(
                    std::clamp(std::isfinite(shade) ? std::round(shade) : 0.0F, 0.0F, 255.0F));
            }
        }
    }
    return picture;
}

Source read_array(const InputItem& item, const Preprocessing& preprocessing) {
    report::NpyReader file(item.file);
    Source source;
    if (item.array_item) {
        source.input = file.read_items(*item.array_item, 1);
    } else {
        const Tensor array = file.read();
        Shape shape = array.shape();
        shape.insert(shape.begin(), 1);
        source.input = array.reshaped(shape);
    }
    if (source.input.rank() != 4 || source.input.size() == 0) {
        throw Error(ErrorKind::image,
                    fmt::format("{} has the shape {}, but a preprocessed input is [C, H, W] or [N, C, H, W]", item.name,
                                to_string(file.shape())));
    }
    source.picture = picture_of(source.input, preprocessing);
    source.width = source.picture.width;
    source.height = source.picture.height;
    source.region = {0, 0, static_cast<double>(source.width), static_cast<double>(source.height)};
    return source;
}

}  // namespace

Source read_source(const InputItem& item, const Preprocessing& preprocessing, bool whole,
                   const std::atomic<bool>* stop) {
    if (item.file.extension() == ".npy") return read_array(item, preprocessing);
    image::DecodeOptions options{.stop = stop};
    if (!whole) options.reduce_to = image::needed_side(preprocessing);
    image::Photo photo = image::decode(item.file, options);
    Source source;
    source.input = preprocess(photo.image, preprocessing);
    source.width = photo.width;
    source.height = photo.height;
    source.region = visible_region(photo.width, photo.height, preprocessing);
    source.picture = std::move(photo.image);
    return source;
}

Tensor joined_inputs(const std::vector<Source>& sources) {
    if (sources.size() == 1) return sources.front().input;
    Shape shape = sources.front().input.shape();
    shape[0] = static_cast<std::int64_t>(sources.size());
    Tensor batch(sources.front().input.type(), shape);
    const auto target = batch.mutable_bytes();
    std::size_t done = 0;
    for (const Source& source : sources) {
        const auto bytes = source.input.bytes();
        if (source.input.type() != batch.type() ||
            !std::equal(shape.begin() + 1, shape.end(), source.input.shape().begin() + 1, source.input.shape().end())) {
            throw Error(ErrorKind::usage,
                        fmt::format("inputs of the shapes {} and {} do not go into one batch",
                                    to_string(sources.front().input.shape()), to_string(source.input.shape())));
        }
        std::memcpy(target.data() + done, bytes.data(), bytes.size());
        done += bytes.size();
    }
    return batch;
}

}  // namespace locus::batch
