#include "locus/overlay.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "image/annotation.hpp"
#include "image/text.hpp"
#include "locus/error.hpp"

namespace locus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Image plain(int width, int height, std::uint8_t value) {
    return {.width = width,
            .height = height,
            .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3,
                                             value)};
}

Image noise(int width, int height) {
    Image image = plain(width, height, 0);
    std::uint32_t state = 99;
    for (std::uint8_t& value : image.rgb) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<std::uint8_t>(state >> 24U);
    }
    return image;
}

std::vector<int> color(const Image& image, int x, int y) { return {image.pixel(x, y), image.pixel(x, y) + 3}; }

const OverlayOptions bare{.legend = false, .draw_boxes = false};

TEST(Colormap, HasTheKnownEnds) {
    // Published ends: turbo begins at (48, 18, 59) and ends at (122, 4, 3), viridis begins at (68, 1, 84) and ends at
    // (253, 231, 37) and gray is its index; OpenCV's tables may lie one off.
    const auto near = [](const std::array<std::uint8_t, 3>& c, int r, int g, int b) {
        return std::abs(c[0] - r) <= 1 && std::abs(c[1] - g) <= 1 && std::abs(c[2] - b) <= 1;
    };
    EXPECT_TRUE(near(colormap("turbo")[0], 48, 18, 59));
    EXPECT_TRUE(near(colormap("turbo")[255], 122, 4, 3));
    EXPECT_TRUE(near(colormap("viridis")[0], 68, 1, 84));
    EXPECT_TRUE(near(colormap("viridis")[255], 253, 231, 37));
    EXPECT_TRUE(near(colormap("gray")[77], 77, 77, 77));
    for (const std::string& name : colormap_names()) EXPECT_NO_THROW(colormap(name)) << name;
}

TEST(Colormap, DivergingIsBalanced) {
    // Equal steps from the middle are equally light on both sides (CIE luminance within 8 of 255), and grow darker
    // outwards.
    const auto luminance = [](const std::array<std::uint8_t, 3>& c) {
        const auto linear = [](double v) { return std::pow(v / 255, 2.2); };
        return 255 * std::pow(0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]), 1 / 2.2);
    };
    const auto table = colormap("blue-red");
    for (std::size_t i = 0; i < 128; ++i) {
        EXPECT_NEAR(luminance(table[i]), luminance(table[255 - i]), 16) << i;
        if (i > 0) {
            EXPECT_GE(luminance(table[i]) + 0.6, luminance(table[i - 1])) << i;
        }
    }
    EXPECT_GT(table[0][2], table[0][0]);      // blue
    EXPECT_GT(table[255][0], table[255][2]);  // red
}

TEST(Colormap, AnUnknownNameIsToldWhatThereIs) {
    try {
        colormap("turbot");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_THAT(error.what(), HasSubstr("turbo, jet, viridis"));
    }
}

TEST(Overlay, MixesPhotoAndColourByAlpha) {
    const Image photo = plain(3, 1, 200);
    const Map map{.width = 3, .height = 1, .values = {-5, 0, 8}};
    for (const double alpha : {0.0, 0.25, 0.5, 1.0}) {
        OverlayOptions options = bare;
        options.alpha = alpha;
        const Image picture = overlay(photo, map, {}, options);
        // Negative evidence takes the lowest colour, as none does; the maximum takes the highest.
        for (const auto& [x, index] : {std::pair{0, 0}, {1, 0}, {2, 255}}) {
            for (std::size_t c = 0; c < 3; ++c) {
                const double expected =
                    200 * (1 - alpha) + alpha * colormap("turbo")[static_cast<std::size_t>(index)][c];
                EXPECT_NEAR(picture.pixel(x, 0)[c], expected, 1) << alpha << ' ' << x;
            }
        }
    }
}

TEST(Overlay, WhiteStaysWhiteUnderWhite) {
    // No sum of rounded shares may pass 255 and wrap round.
    const Image photo = plain(256, 1, 255);
    Map map{.width = 256, .height = 1, .values = std::vector<float>(256, 1)};
    for (int percent = 0; percent <= 100; ++percent) {
        OverlayOptions options = bare;
        options.colormap = "gray";
        options.alpha = percent / 100.0;
        EXPECT_GE(overlay(photo, map, {}, options).pixel(10, 0)[0], 254) << percent;
    }
}

TEST(Overlay, SignedColoursAreSymmetricAboutZero) {
    const Image photo = plain(3, 1, 0);
    OverlayOptions options = bare;
    options.is_signed = true;
    options.alpha = 1;
    const Image picture = overlay(photo, {.width = 3, .height = 1, .values = {-4, 2, 4}}, {}, options);
    const auto table = colormap("blue-red");
    for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(picture.pixel(0, 0)[c], table[0][c]);
        EXPECT_EQ(picture.pixel(2, 0)[c], table[255][c]);
    }
    // Half of the greatest value is opaque by 0.25 + 1.5 / 2 = 1: index 191.
    EXPECT_NEAR(picture.pixel(1, 0)[0], table[191][0], 1);
}

TEST(Overlay, RawEqualsUpsampledFirst) {
    const Image photo = noise(301, 203);
    Map raw{.width = 7, .height = 5, .values = {}};
    for (int i = 0; i < 35; ++i) raw.values.push_back(std::sin(static_cast<float>(i * i)) * 9);
    for (const bool is_signed : {false, true}) {
        OverlayOptions options = bare;
        options.is_signed = is_signed;
        options.legend = true;  // its numbers are the same too
        const Map full = upsample(raw, photo.width, photo.height);
        const Image expected = overlay(photo, full, {}, options);
        const Image picture = overlay_raw(photo, raw, {0, 0, 301, 203}, {}, options);
        EXPECT_EQ(picture.rgb, expected.rgb) << is_signed;
    }
}

TEST(Overlay, WhatTheNetworkDidNotSeeStaysAPhoto) {
    const Image photo = noise(100, 80);
    const Map raw{.width = 2, .height = 2, .values = {1, 2, 3, 4}};
    const Image picture = overlay_raw(photo, raw, {20.25, 10.5, 60, 60}, {}, bare);
    // Columns 20 ... 79 and rows 10 ... 69 have their centres inside.
    for (const auto& [x, y] : {std::pair{19, 40}, {80, 40}, {50, 9}, {50, 70}, {0, 0}, {99, 79}})
        EXPECT_EQ(color(picture, x, y), color(photo, x, y)) << x << ',' << y;
    for (const auto& [x, y] : {std::pair{20, 40}, {79, 40}, {50, 10}, {50, 69}})
        EXPECT_NE(color(picture, x, y), color(photo, x, y)) << x << ',' << y;
}

TEST(Heatmap, WhatTheNetworkDidNotSeeIsNoEvidence) {
    const Map raw{.width = 2, .height = 2, .values = {-4, -3, -2, 1}};
    for (const bool is_signed : {false, true}) {
        OverlayOptions options = bare;
        options.is_signed = is_signed;
        const Image picture = heatmap_raw(raw, 100, 80, {20, 10, 60, 60}, options);
        const auto none = is_signed ? colormap(diverging_colormap)[128] : colormap("turbo")[0];
        EXPECT_THAT(color(picture, 0, 0), ElementsAre(none[0], none[1], none[2]));
        EXPECT_THAT(color(picture, 99, 40), ElementsAre(none[0], none[1], none[2]));
        const Map whole = upsample(raw, 60, 60);
        const Image seen = heatmap(whole, options);
        for (const auto& [x, y] : {std::pair{0, 0}, {59, 0}, {30, 30}, {59, 59}})
            EXPECT_EQ(color(picture, 20 + x, 10 + y), color(seen, x, y)) << x << ',' << y;
    }
}

TEST(Overlay, BrokenValuesCostTheirOwnPixelsOnly) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinite = std::numeric_limits<float>::infinity();
    const Image photo = plain(4, 1, 0);
    OverlayOptions options = bare;
    options.alpha = 1;
    const Image picture = overlay(photo, {.width = 4, .height = 1, .values = {nan, infinite, 2, 1}}, {}, options);
    const auto top = colormap("turbo")[255];
    EXPECT_THAT(color(picture, 2, 0), ElementsAre(top[0], top[1], top[2]));
    const auto half = colormap("turbo")[128];
    EXPECT_THAT(color(picture, 3, 0), ElementsAre(half[0], half[1], half[2]));
    // Without a number, or with no evidence, there is no heat: every pixel alike.
    options.alpha = 0.5F;
    for (const std::vector<float>& values : {std::vector<float>(4, nan), std::vector<float>(4, 0.0F)}) {
        for (const bool is_signed : {false, true}) {
            options.is_signed = is_signed;
            const Image none = overlay(photo, {.width = 4, .height = 1, .values = values}, {}, options);
            for (int x = 1; x < 4; ++x) EXPECT_EQ(color(none, x, 0), color(none, 0, 0));
        }
    }
}

TEST(Overlay, BoxesAreDrawnOnTheirOwnOutermostPixels) {
    const Image photo = plain(200, 150, 90);
    const Map map{.width = 200, .height = 150, .values = std::vector<float>(200 * 150, 0)};
    OverlayOptions options;
    options.legend = false;
    options.alpha = 0;
    const Image picture = overlay(photo, map, {{.x = 40, .y = 30, .width = 60, .height = 50}}, options);
    for (const auto& [x, y] : {std::pair{40, 50}, {99, 50}, {70, 30}, {70, 79}})
        EXPECT_THAT(color(picture, x, y), ElementsAre(255, 255, 255));
    for (const auto& [x, y] : {std::pair{39, 50}, {41, 50}, {100, 50}, {70, 29}, {70, 80}})
        EXPECT_LT(picture.pixel(x, y)[0], 60) << x << ',' << y;
    EXPECT_THAT(color(picture, 70, 50), ElementsAre(90, 90, 90));
    // A box that touches or leaves the picture is cut, nothing more.
    EXPECT_NO_THROW(overlay(
        photo, map, {{.x = -5, .y = -5, .width = 500, .height = 500}, {.x = 199, .y = 149, .width = 1, .height = 1}},
        options));
}

TEST(Overlay, LegendAndLabelAreLeftOutWhereTheyCannotBeRead) {
    const Map small{.width = 32, .height = 32, .values = std::vector<float>(32 * 32, 1)};
    OverlayOptions with{.draw_boxes = false, .label = "tabby"};
    EXPECT_EQ(overlay(plain(32, 32, 10), small, {}, with).rgb, overlay(plain(32, 32, 10), small, {}, bare).rgb);
    const Map large{.width = 320, .height = 320, .values = std::vector<float>(320 * 320, 1)};
    const Image picture = overlay(plain(320, 320, 10), large, {}, with);
    const Image without = overlay(plain(320, 320, 10), large, {}, bare);
    EXPECT_NE(color(picture, 319, 319), color(without, 319, 319));  // the legend's plate
    EXPECT_NE(color(picture, 0, 0), color(without, 0, 0));          // the label's
    EXPECT_EQ(color(picture, 160, 160), color(without, 160, 160));
}

TEST(Overlay, LabelsOfAnyKindAndLengthFit) {
    const Map map{.width = 100, .height = 70, .values = std::vector<float>(7000, 1)};
    for (const std::string& label :
         {std::string(100'000, 'W'), std::string(5000, '\xff'), std::string("猫 кот \n\t"), std::string(1, '\0')}) {
        const std::vector<Box> box{{.x = 90, .y = 60, .width = 10, .height = 10}};
        const Image with = overlay(plain(100, 70, 0), map, box, {.label = label});
        const Image without = overlay(plain(100, 70, 0), map, box, {});
        // Above the box: capitals of 8 pixels, 4 of the plate on either side of them, 2 free.
        int inside = 0, outside = 0;
        for (int y = 0; y < 70; ++y) {
            for (int x = 0; x < 100; ++x) {
                const bool changed = color(with, x, y) != color(without, x, y);
                (y >= 42 && y < 58 ? inside : outside) += changed ? 1 : 0;
            }
        }
        EXPECT_EQ(outside, 0) << label.substr(0, 10);
        EXPECT_GE(inside, 8 * 16) << label.substr(0, 10);  // a plate without a letter
    }
}

TEST(Overlay, SaysWhatDoesNotFit) {
    const Map map{.width = 4, .height = 4, .values = std::vector<float>(16, 1)};
    EXPECT_THROW(overlay(plain(5, 4, 0), map, {}), Error);
    EXPECT_THROW(overlay(plain(4, 4, 0), map, {}, {.alpha = 1.5}), Error);
    EXPECT_THROW(overlay(plain(4, 4, 0), map, {}, {.colormap = "hot"}), Error);
    EXPECT_THROW(overlay({}, {}, {}), Error);
    EXPECT_THROW(heatmap({}), Error);
    EXPECT_THROW(mask(map, 1), Error);
}

TEST(Overlay, SizesWithoutEndAreRefusedAtOnce) {
    const std::size_t wide = most_side + 1;
    const Map map{most_side + 1, 1, std::vector<float>(wide)};
    const Image photo{most_side + 1, 1, std::vector<std::uint8_t>(3 * wide)};
    const auto too_many = HasSubstr("no side may be longer than 65535");
    EXPECT_THAT(test::error_of([&] { overlay(photo, map, {}); }), too_many);
    EXPECT_THAT(test::error_of([&] { heatmap(map); }), too_many);
    EXPECT_THAT(test::error_of([&] { mask(map, 0.2); }), too_many);
}

TEST(Heatmap, ShowsTheColoursThemselves) {
    const Image picture = heatmap({.width = 3, .height = 1, .values = {0, 1, 2}}, {.legend = false});
    for (const auto& [x, index] : {std::pair{0, 0}, {1, 128}, {2, 255}}) {
        const auto c = colormap("turbo")[static_cast<std::size_t>(index)];
        EXPECT_THAT(color(picture, x, 0), ElementsAre(c[0], c[1], c[2]));
    }
}

TEST(Mask, IsWhiteStrictlyAboveTheThreshold) {
    // 20 % of 10 is 2: 2 itself is not above.
    const Image picture = mask({.width = 4, .height = 1, .values = {2, 2.0001F, 10, -1}}, 0.2);
    EXPECT_EQ(color(picture, 0, 0)[0], 0);
    EXPECT_EQ(color(picture, 1, 0)[0], 255);
    EXPECT_EQ(color(picture, 2, 0)[0], 255);
    EXPECT_EQ(color(picture, 3, 0)[0], 0);
    // Nothing positive, nothing white.
    EXPECT_EQ(color(mask({.width = 2, .height = 1, .values = {-1, 0}}, 0), 1, 0)[0], 0);
}

TEST(Mask, ItsLargestComponentIsTheBox) {
    Map raw{.width = 6, .height = 6, .values = std::vector<float>(36, 0)};
    raw.at(2, 3) = 5;
    raw.at(3, 3) = 4;
    const Map full = upsample(raw, 90, 120);
    const Image picture = mask(full, 0.2);
    const Box box = boxes(full, {.threshold = 0.2}).at(0);
    int left = 90, top = 120, right = -1, bottom = -1;
    for (int y = 0; y < 120; ++y) {
        for (int x = 0; x < 90; ++x) {
            if (picture.pixel(x, y)[0] == 0) continue;
            left = std::min(left, x), right = std::max(right, x);
            top = std::min(top, y), bottom = std::max(bottom, y);
        }
    }
    EXPECT_EQ(left, box.x);
    EXPECT_EQ(top, box.y);
    EXPECT_EQ(right, box.x + box.width - 1);
    EXPECT_EQ(bottom, box.y + box.height - 1);
}

TEST(Text, IsTransliterated) {
    EXPECT_EQ(image::transliterate("Café Größe Ærø naïve Ýÿ"), "Cafe Grosse AEro naive Yy");
    EXPECT_EQ(image::transliterate("Łódź šťastný Œuvre"), "Lodz stastny OEuvre");
    EXPECT_EQ(image::transliterate("a – b — “c” ‘d’…"), "a - b - \"c\" 'd'...");
    EXPECT_EQ(image::transliterate("猫"), "?");
    EXPECT_EQ(image::transliterate("caf\xe9"), "caf?");
    EXPECT_EQ(image::transliterate("\xe2\x82"), "?");
    EXPECT_EQ(image::transliterate("\xc1\xa1\xed\xa0\x80."), "??.");  // an overlong a, a surrogate: each is no UTF-8
    EXPECT_EQ(image::transliterate("tab\tline\n"), "tab line ");
    EXPECT_TRUE(image::is_writable("Café? 94 %"));
    EXPECT_FALSE(image::is_writable("gato 猫"));
    EXPECT_FALSE(image::is_writable("caf\xe9"));
}

TEST(Label, IsTheShortNameOrTheIndex) {
    const auto shown = [](const std::string& label) {
        return image::class_name_in_picture({.class_index = 281, .class_name = label + ", cat", .short_name = label});
    };
    EXPECT_EQ(shown("tabby"), "tabby");
    EXPECT_EQ(shown(""), "class 281");
    EXPECT_EQ(shown("虎斑猫"), "class 281");
    EXPECT_EQ(shown("chat tigré"), "chat tigré");
}

TEST(Text, FillsTheHeightAskedForAndNoMore) {
    const image::Text text = image::render_text("H", 20);
    const auto row_is_inked = [&](int y) {
        for (int x = 0; x < text.width; ++x) {
            if (text.coverage[static_cast<std::size_t>(y * text.width + x)] > 100) return true;
        }
        return false;
    };
    EXPECT_TRUE(row_is_inked(0));
    EXPECT_TRUE(row_is_inked(19));
    EXPECT_FALSE(row_is_inked(21));
}

TEST(Text, NumbersOfALegendHaveThreeDigits) {
    EXPECT_EQ(image::legend_number(0), "0");
    EXPECT_EQ(image::legend_number(14.234), "14.2");
    EXPECT_EQ(image::legend_number(-3.14159), "-3.14");
    EXPECT_EQ(image::legend_number(123.4), "123");
    EXPECT_EQ(image::legend_number(0.0001234), "1.2e-04");
    EXPECT_EQ(image::legend_number(123456), "1.2e+05");
}

}  // namespace
}  // namespace locus
