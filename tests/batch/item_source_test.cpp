#include "batch/item_source.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "files/npy.hpp"
#include "support/scratch_folder.hpp"

namespace locus::batch {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// No two pixels, rows or channels alike.
Image picture(int width, int height, int first = 0) {
    Image image{.width = width, .height = height, .rgb = {}};
    for (int i = 0; i < width * height * 3; ++i) image.rgb.push_back(static_cast<std::uint8_t>(first + 3 * i));
    return image;
}

class Batch : public testing::Test {
protected:
    InputItem photo(const std::string& name, const Image& image) const {
        write_image(folder_ / name, image);
        return {.name = name, .file = folder_ / name, .array_item = {}, .stem = name, .error = {}};
    }
    InputItem array(const std::string& name, const Tensor& tensor, std::optional<std::int64_t> item = {}) const {
        files::write_npy(folder_ / name, tensor);
        return {.name = name, .file = folder_ / name, .array_item = item, .stem = name, .error = {}};
    }
    static std::vector<float> item_of(const Tensor& batch, std::size_t i) {
        const auto values = batch.values<float>();
        const std::size_t size = values.size() / static_cast<std::size_t>(batch.shape()[0]);
        return {values.begin() + static_cast<std::ptrdiff_t>(i * size),
                values.begin() + static_cast<std::ptrdiff_t>((i + 1) * size)};
    }
    std::vector<float> preprocessed(const Image& image) const {
        const Tensor input = preprocess(image, six_by_four_);
        const auto values = input.values<float>();
        return {values.begin(), values.end()};
    }

    test::ScratchFolder folder_;
    Preprocessing six_by_four_{.width = 6, .height = 4};
};

TEST_F(Batch, HoldsPhotosAndArraysInTheOrderInWhichTheyWereRead) {
    const Image first = picture(6, 4), last = picture(12, 9, 100);
    std::vector<float> numbers(2 * 3 * 4 * 6);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i) / 7;
    const Tensor two = Tensor::of<float>({2, 3, 4, 6}, numbers);
    InputBatch batch(six_by_four_, 4);
    batch.read(photo("a.png", first), true);
    batch.read(array("two.npy", two, 1), true);
    batch.read(photo("b.png", last), true);
    const Tensor all = batch.take().front();
    EXPECT_EQ(all.shape(), (Shape{3, 3, 4, 6}));
    EXPECT_EQ(item_of(all, 0), preprocessed(first));
    EXPECT_EQ(item_of(all, 1), item_of(two, 1));
    EXPECT_EQ(item_of(all, 2), preprocessed(last));
    // It is empty again.
    batch.read(photo("c.png", last), true);
    const Tensor one = batch.take().front();
    EXPECT_EQ(one.shape(), (Shape{1, 3, 4, 6}));
    EXPECT_EQ(item_of(one, 0), preprocessed(last));
}

TEST_F(Batch, OfPhotosAloneIsTheSameFullOrNot) {
    for (const std::size_t room : {2U, 5U}) {
        InputBatch batch(six_by_four_, room);
        batch.read(photo("a.png", picture(6, 4)), true);
        batch.read(photo("b.png", picture(6, 4, 50)), true);
        const Tensor all = batch.take().front();
        EXPECT_EQ(all.shape(), (Shape{2, 3, 4, 6}));
        EXPECT_EQ(item_of(all, 0), preprocessed(picture(6, 4)));
        EXPECT_EQ(item_of(all, 1), preprocessed(picture(6, 4, 50)));
    }
}

TEST_F(Batch, InputsOfAnotherShapeBeginAnotherTensor) {
    InputBatch batch(six_by_four_, 5);
    batch.read(photo("a.png", picture(6, 4)), true);
    batch.read(photo("b.png", picture(6, 4, 50)), true);
    batch.read(array("x.npy", Tensor(DataType::float32, {3, 5, 5})), true);
    batch.read(photo("c.png", picture(6, 4)), true);
    const std::vector<Tensor> all = batch.take();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].shape(), (Shape{2, 3, 4, 6}));
    EXPECT_EQ(item_of(all[0], 1), preprocessed(picture(6, 4, 50)));
    EXPECT_EQ(all[1].shape(), (Shape{1, 3, 5, 5}));
    EXPECT_EQ(item_of(all[2], 0), preprocessed(picture(6, 4)));
}

TEST_F(Batch, WhatCannotBeReadAddsNothing) {
    InputBatch batch(six_by_four_, 3);
    const auto error = [&](const InputItem& item) { return test::error_of([&] { batch.read(item, true); }); };
    batch.read(photo("a.png", picture(6, 4)), true);
    Tensor broken(DataType::float32, {3, 4, 6});
    broken.mutable_values<float>()[5] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(error(array("nan.npy", broken)), StartsWith("image: 'nan.npy' holds NaN or infinity"));
    EXPECT_THAT(error(array("flat.npy", Tensor(DataType::float32, {4, 6}))),
                StartsWith("image: 'flat.npy' has the shape [4, 6]"));
    InputItem text{.name = "text.png",
                   .file = folder_.write("text.png", "no picture"),
                   .array_item = {},
                   .stem = "text",
                   .error = {}};
    EXPECT_THAT(error(text), StartsWith("image: "));
    const Tensor all = batch.take().front();
    EXPECT_EQ(all.shape()[0], 1);
    EXPECT_EQ(item_of(all, 0), preprocessed(picture(6, 4)));
}

TEST_F(Batch, APhotoKeepsItsFrameWhereItIsDecodedSmaller) {
    Preprocessing crop{.width = 16, .height = 16, .resize = Resize::crop, .crop_pct = 0.5F};
    InputBatch batch(crop, 1);
    const Source source = batch.read(photo("wide.jpg", picture(640, 320)), false);
    EXPECT_EQ(source.width, 640);
    EXPECT_EQ(source.height, 320);
    EXPECT_LT(source.picture.width, 640);
    // Half of the shorter side, about the centre.
    EXPECT_NEAR(source.region.x, 240, 1e-4);
    EXPECT_NEAR(source.region.y, 80, 1e-4);
    EXPECT_NEAR(source.region.width, 160, 1e-4);
    EXPECT_NEAR(source.region.height, 160, 1e-4);
}

TEST_F(Batch, AnArraysPictureIsThePhotoThatItWasMadeOf) {
    const Image image = picture(6, 4);
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        for (const ColorOrder color : {ColorOrder::rgb, ColorOrder::bgr}) {
            for (const auto& [type, range] :
                 {std::tuple(DataType::float32, 1.0F), std::tuple(DataType::float32, 255.0F),
                  std::tuple(DataType::uint8, 1.0F)}) {
                Preprocessing p = six_by_four_;
                p.layout = layout;
                p.color = color;
                p.type = type;
                p.range = range;
                InputBatch batch(p, 1);
                const Source source = batch.read(array("x.npy", preprocess(image, p), 0), true);
                EXPECT_EQ(source.picture.rgb, image.rgb);
                EXPECT_EQ(source.width, 6);
                EXPECT_EQ(source.height, 4);
                EXPECT_EQ(source.region.width, 6);
                EXPECT_EQ(source.region.height, 4);
            }
        }
    }
}

TEST_F(Batch, ThePictureOfOtherChannelsIsTheirMeanInGrey) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
        Preprocessing two{.width = 3, .height = 1, .color = ColorOrder::other, .other_channels = 2, .layout = layout};
        // Means -1, 0 and 3: shades 0, 255 / 4 = 63.75 and 255.
        const bool last = layout == Layout::nhwc;
        const Tensor item = last ? Tensor::of<float>({1, 3, 2}, {-5, 3, 1, -1, 2, 4})
                                 : Tensor::of<float>({2, 1, 3}, {-5, 1, 2, 3, -1, 4});
        InputBatch batch(two, 2);
        const Source source = batch.read(array("x.npy", item), true);
        EXPECT_EQ(source.picture.rgb, (std::vector<std::uint8_t>{0, 0, 0, 64, 64, 64, 255, 255, 255}));
        EXPECT_EQ(source.width, 3);
        const InputItem other = photo("a.png", picture(6, 4));
        EXPECT_EQ(test::error_of([&] { batch.read(other, true); }),
                  last ? "usage: the network takes 2 channels, which no photo has: give it .npy arrays of the shape "
                         "[1, 3, 2], preprocessed already"
                       : "usage: the network takes 2 channels, which no photo has: give it .npy arrays of the shape "
                         "[2, 1, 3], preprocessed already");
        EXPECT_EQ(batch.take().front().shape()[0], 1);
    }
}

TEST_F(Batch, AGreyArraysPictureIsGrey) {
    Preprocessing grey = six_by_four_;
    grey.color = ColorOrder::gray;
    InputBatch batch(grey, 1);
    const Source source = batch.read(array("x.npy", preprocess(picture(6, 4), grey), 0), true);
    for (std::size_t i = 0; i < source.picture.rgb.size(); i += 3) {
        EXPECT_EQ(source.picture.rgb[i], source.picture.rgb[i + 1]);
        EXPECT_EQ(source.picture.rgb[i], source.picture.rgb[i + 2]);
    }
    // The luma of BT.601 of the first pixel, (0, 3, 6): 0.587 * 3 + 0.114 * 6 = 2.4.
    EXPECT_EQ(source.picture.rgb[0], 2);
}

}  // namespace
}  // namespace locus::batch
