/// What a photo costs from its file to its overlay's file, beside the bare parts: libjpeg's decoding and encoding
/// alone. One run, all steps taking turns.
///
///     image_bench [FOLDER]        (JPEG photos, at most 60; default: one generated photo of 500 x 375)

#include <malloc.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <jpeglib.h>

#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "image/preview.hpp"
#include "interleaved.hpp"
#include "locus/image.hpp"
#include "locus/overlay.hpp"

namespace {

using locus::Image;
using Bytes = std::vector<std::byte>;

Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto raw = std::as_bytes(std::span(text));
    return {raw.begin(), raw.end()};
}

/// Waves of several lengths with noise on top: about as hard to code as a photo.
Image generated() {
    Image image{.width = 500, .height = 375, .rgb = std::vector<std::uint8_t>(500 * 375 * 3)};
    std::uint32_t state = 1;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            state = state * 1664525U + 1013904223U;
            const double wave = 60 * std::sin(x / 40.0) + 40 * std::cos(y / 25.0) + static_cast<double>(state >> 27U);
            for (int c = 0; c < 3; ++c) image.pixel(x, y)[c] = static_cast<std::uint8_t>(110 + wave + 10 * c);
        }
    }
    return image;
}

void bare_decode(const Bytes& bytes, std::vector<unsigned char>& pixels) {
    jpeg_decompress_struct codec{};
    jpeg_error_mgr errors{};
    codec.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&codec);
    jpeg_mem_src(&codec, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&codec, TRUE);
    codec.out_color_space = JCS_RGB;
    jpeg_start_decompress(&codec);
    const std::size_t stride = static_cast<std::size_t>(codec.output_width) * 3;
    pixels.resize(stride * codec.output_height);
    while (codec.output_scanline < codec.output_height) {
        unsigned char* row = pixels.data() + codec.output_scanline * stride;
        jpeg_read_scanlines(&codec, &row, 1);
    }
    jpeg_finish_decompress(&codec);
    jpeg_destroy_decompress(&codec);
}

void bare_encode(const Image& image) {
    jpeg_compress_struct codec{};
    jpeg_error_mgr errors{};
    codec.err = jpeg_std_error(&errors);
    jpeg_create_compress(&codec);
    unsigned char* out = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&codec, &out, &size);
    codec.image_width = static_cast<JDIMENSION>(image.width);
    codec.image_height = static_cast<JDIMENSION>(image.height);
    codec.input_components = 3;
    codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, 90, TRUE);
    jpeg_start_compress(&codec, TRUE);
    while (codec.next_scanline < codec.image_height) {
        auto* row = const_cast<JSAMPROW>(image.pixel(0, static_cast<int>(codec.next_scanline)));
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
    std::free(out);
}

}  // namespace

int main(int argc, char** argv) {
    // As the command does.
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    std::vector<Bytes> files;
    if (argc > 1) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
            Bytes bytes = read(entry.path());
            if (files.size() < 60 && bytes.size() > 2 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8}) {
                files.push_back(std::move(bytes));
            }
        }
    } else {
        files.push_back(locus::encode_jpeg(generated()));
    }
    if (files.empty()) {
        fmt::print(stderr, "image_bench: there is no JPEG in {}\n", argv[1]);
        return 1;
    }

    std::vector<Image> photos;
    for (const Bytes& bytes : files) photos.push_back(locus::image::decode(bytes, "photo").image);
    locus::Map raw{.width = 7, .height = 7, .values = {}};
    for (int i = 0; i < 49; ++i)
        raw.values.push_back(10 * std::exp(-std::pow(i % 7 - 3.0F, 2.0F) / 3 - std::pow(i / 7 - 2.0F, 2.0F) / 2));
    const locus::OverlayOptions options{.label = "tabby 94 %"};
    const locus::Preprocessing preprocessing;
    std::vector<std::byte> input(locus::input_bytes(preprocessing));
    std::vector<unsigned char> pixels;
    const auto region_of = [](const Image& photo) {
        return locus::Region{0, 0, 1.0 * photo.width, 1.0 * photo.height};
    };
    std::vector<Image> overlays;
    for (const Image& photo : photos) {
        overlays.push_back(
            overlay_raw(photo, raw, region_of(photo), boxes_from_raw(raw, photo.width, photo.height), options));
    }

    struct Step {
        const char* name;
        std::function<void(std::size_t)> run;
    };
    const std::vector<Step> steps{
        {"libjpeg decode", [&](std::size_t i) { bare_decode(files[i], pixels); }},
        {"decode", [&](std::size_t i) { locus::image::decode(files[i], "photo"); }},
        {"decode, reduced to 112", [&](std::size_t i) { locus::image::decode(files[i], "photo", {.reduce_to = 112}); }},
        {"preprocess to 224 x 224", [&](std::size_t i) { preprocess_into(photos[i], preprocessing, input); }},
        {"preview of 256", [&](std::size_t i) { locus::image::preview(photos[i], 256); }},
        {"boxes", [&](std::size_t i) { boxes_from_raw(raw, photos[i].width, photos[i].height); }},
        {"overlay",
         [&](std::size_t i) {
             overlay_raw(photos[i], raw, region_of(photos[i]), {{10, 10, 100, 80, 1}}, options);
         }},
        {"libjpeg encode", [&](std::size_t i) { bare_encode(overlays[i]); }},
        {"encode", [&](std::size_t i) { locus::encode_jpeg(overlays[i]); }},
        {"decode + overlay + encode",
         [&](std::size_t i) {
             const Image photo = locus::image::decode(files[i], "photo").image;
             locus::encode_jpeg(overlay_raw(photo, raw, region_of(photo), {{10, 10, 100, 80, 1}}, options));
         }},
    };
    // Processor time of all threads, so that other programs on the machine do not count; the first round warms up.
    constexpr int rounds = 7;
    std::vector<std::vector<double>> milliseconds(steps.size());
    for (int round = 0; round <= rounds; ++round) {
        for (std::size_t k = 0; k < steps.size(); ++k) {
            const std::clock_t start = std::clock();
            for (std::size_t i = 0; i < files.size(); ++i) steps[k].run(i);
            const double spent = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
            if (round > 0) milliseconds[k].push_back(spent / static_cast<double>(files.size()));
        }
    }
    const double decode = locus::bench::median(milliseconds[0]);
    fmt::print("{} photos, medians of {} rounds\n{:<28}{:>16}{:>20}\n", files.size(), rounds, "step", "core-ms a photo",
               "of libjpeg decode");
    for (std::size_t k = 0; k < steps.size(); ++k) {
        const double spent = locus::bench::median(milliseconds[k]);
        fmt::print("{:<28}{:>16.3f}{:>19.0f}%\n", steps[k].name, spent, 100 * spent / decode);
    }
    return 0;
}
