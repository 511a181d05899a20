#include "locus/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "locus/error.hpp"

using locus::DataType;
using locus::Shape;
using locus::Tensor;
using locus::test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// A tensor of this type whose elements have these bits.
template <class Bits> Tensor of_bits(DataType type, std::vector<Bits> bits) {
    const auto raw = std::as_bytes(std::span(bits));
    return {type, {static_cast<std::int64_t>(bits.size())}, {raw.begin(), raw.end()}};
}

template <class T> std::vector<T> list(const Tensor& tensor) {
    const auto values = tensor.values<T>();
    return {values.begin(), values.end()};
}

std::uint16_t half_bits(float value) {
    std::uint16_t bits = 0;
    const Tensor half = Tensor::scalar(value).to(DataType::float16);
    std::memcpy(&bits, half.bytes().data(), 2);
    return bits;
}

}  // namespace

TEST(Tensor, TakesOverTheBytesOfAStringWithoutACopy) {
    std::string bytes(400, '\0');
    bytes[3] = 0x40;  // 2 as a little-endian float
    const void* where = bytes.data();
    const Tensor tensor = Tensor::from_string(DataType::float32, {10, 10}, std::move(bytes));
    EXPECT_EQ(static_cast<const void*>(tensor.bytes().data()), where);
    EXPECT_EQ(tensor.values<float>()[0], 2);
    EXPECT_EQ(tensor.values<float>()[1], 0);
    EXPECT_THAT(error_of([] { Tensor::from_string(DataType::float32, {2}, "seven b"); }),
                HasSubstr("takes 8 bytes, but 7 are there"));
}

TEST(Tensor, RoomToBeOverwrittenBeginsACacheLineAndCopiesWhereShared) {
    Tensor tensor = Tensor::for_overwrite(DataType::float32, {3, 5});
    EXPECT_EQ(tensor.shape(), (Shape{3, 5}));
    ASSERT_EQ(tensor.bytes().size(), 60U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % 64, 0U);
    std::ranges::fill(tensor.mutable_values<float>(), 2.0F);
    const Tensor before = tensor;
    tensor.mutable_values<float>()[0] = 3;
    EXPECT_EQ(before.values<float>()[0], 2);
    EXPECT_EQ(before.values<float>()[14], 2);
    EXPECT_EQ(tensor.values<float>()[1], 2);
    EXPECT_THROW(Tensor::for_overwrite(DataType::float32, {1LL << 40}), locus::Error);
    EXPECT_THROW(Tensor::for_overwrite(DataType::float32, {-1}), locus::Error);
    const Tensor none = Tensor::for_overwrite(DataType::float32, {0, 4});
    EXPECT_TRUE(none.bytes().empty());
}

TEST(Tensor, CopiesShareUntilWrittenTo) {
    Tensor a = Tensor::of<float>({2}, {1, 2});
    Tensor b = a;
    EXPECT_EQ(a.bytes().data(), b.bytes().data());
    b.mutable_values<float>()[0] = 9;
    EXPECT_THAT(list<float>(a), ElementsAre(1, 2));
    EXPECT_THAT(list<float>(b), ElementsAre(9, 2));
    const Tensor column = a.reshaped({2, 1});
    EXPECT_EQ(column.bytes().data(), a.bytes().data());
}

TEST(Tensor, MovedFromIsAsMadeWithoutArguments) {
    Tensor a = Tensor::of<double>({2}, {1, 2});
    Tensor b = std::move(a);
    EXPECT_THAT(list<double>(b), ElementsAre(1, 2));
    // NOLINTBEGIN(bugprone-use-after-move): what is there afterwards is promised
    for (const Tensor& nothing : {a, Tensor()}) {
        EXPECT_EQ(nothing.type(), DataType::float32);
        EXPECT_EQ(nothing.shape(), Shape{0});
        EXPECT_EQ(nothing.rank(), 1U);
        EXPECT_EQ(nothing.size(), 0);
        EXPECT_TRUE(nothing.values<float>().empty());
        EXPECT_TRUE(nothing.bytes().empty());
        EXPECT_EQ(nothing.to(DataType::float64).shape(), Shape{0});
        EXPECT_EQ(nothing.reshaped({0, 3}).shape(), (Shape{0, 3}));
        EXPECT_THAT(error_of([&] { nothing.reshaped({2}); }), HasSubstr("shape [0] cannot take the shape [2]"));
    }
    EXPECT_TRUE(a.mutable_values<float>().empty());
    Tensor& itself = b;
    b = std::move(itself);
    EXPECT_THAT(list<double>(b), ElementsAre(1, 2));
    a = std::move(b);
    // NOLINTEND(bugprone-use-after-move)
    EXPECT_THAT(list<double>(a), ElementsAre(1, 2));
}

TEST(Tensor, ShapesMustFit) {
    EXPECT_THAT(error_of([] { Tensor::of<float>({3}, {1, 2}); }), StartsWith("usage: "));
    EXPECT_THAT(error_of([] {
                    Tensor::of<float>({2}, {1, 2}).reshaped({3});
                }),
                HasSubstr("[2] cannot take the shape [3]"));
    const Tensor number = Tensor::scalar(1.0F);
    EXPECT_THAT(error_of([&] { (void)number.values<double>(); }),
                HasSubstr("tensor of float is where one of double is expected"));
    EXPECT_THAT(error_of([] { Tensor(DataType::string, {1}); }), HasSubstr("no fixed size"));
}

TEST(Tensor, CountsWithoutOverflow) {
    EXPECT_EQ(locus::element_count({}), 1);
    EXPECT_EQ(locus::element_count({2, 0, 3}), 0);
    const std::int64_t half = std::int64_t{1} << 32;
    EXPECT_EQ(locus::element_count({half, half, 0}), 0);
    EXPECT_THAT(error_of([&] { locus::element_count({half, half}); }), StartsWith("usage: "));
    EXPECT_THAT(error_of([] { locus::element_count({-1}); }), HasSubstr("negative"));
    EXPECT_THAT(error_of([] { Tensor(DataType::float64, {std::int64_t{1} << 60}); }),
                HasSubstr("larger than any memory"));
    EXPECT_THAT(error_of([] { Tensor(DataType::uint8, {std::int64_t{1} << 58}); }), StartsWith("resource: "));
}

TEST(Tensor, ShapesReadLikeLists) {
    EXPECT_EQ(locus::to_string(Shape{1, 3, 224, 224}), "[1, 3, 224, 224]");
    EXPECT_EQ(locus::to_string(Shape{}), "[]");
    EXPECT_THAT(locus::to_string(Shape(100, 1)), HasSubstr("(100 dimensions)"));
}

TEST(Tensor, HalvesAreThoseOfIeee754) {
    // The standard's landmarks of binary16.
    EXPECT_EQ(half_bits(1), 0x3c00);
    EXPECT_EQ(half_bits(-2), 0xc000);
    EXPECT_EQ(half_bits(65504), 0x7bff);       // largest
    EXPECT_EQ(half_bits(65519.996F), 0x7bff);  // rounds down to it
    EXPECT_EQ(half_bits(65520), 0x7c00);       // the tie goes to infinity
    EXPECT_EQ(half_bits(infinity), 0x7c00);
    EXPECT_EQ(half_bits(-1e30F), 0xfc00);
    EXPECT_EQ(half_bits(0x1p-14F), 0x0400);  // smallest normal
    EXPECT_EQ(half_bits(0x1p-24F), 0x0001);  // smallest subnormal
    EXPECT_EQ(half_bits(0x1p-25F), 0x0000);  // the tie goes to even
    EXPECT_EQ(half_bits(0x1.8p-25F), 0x0001);
    EXPECT_EQ(half_bits(-0.0F), 0x8000);
    EXPECT_EQ(half_bits(1 + 0x1p-11F), 0x3c00);  // tie to even, down
    EXPECT_EQ(half_bits(1 + 0x3p-11F), 0x3c02);  // tie to even, up
    EXPECT_EQ(half_bits(NAN) & 0x7c00, 0x7c00);
    EXPECT_NE(half_bits(NAN) & 0x03ff, 0);
}

TEST(Tensor, EveryHalfSurvivesTheWayToFloatAndBack) {
    std::vector<std::uint16_t> all;
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
        const bool nan = (bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0;
        if (!nan) all.push_back(static_cast<std::uint16_t>(bits));
    }
    for (const DataType type : {DataType::float16, DataType::bfloat16}) {
        std::vector<std::uint16_t> chosen = all;
        if (type == DataType::bfloat16) {
            std::erase_if(chosen, [](std::uint16_t bits) { return (bits & 0x7f80) == 0x7f80 && (bits & 0x7f) != 0; });
        }
        const Tensor halves = of_bits(type, chosen);
        const Tensor back = halves.to_float32().to(type);
        EXPECT_TRUE(std::ranges::equal(halves.bytes(), back.bytes())) << name(type);
    }
}

TEST(Tensor, BytesOfFloatsAreDecodedAsOnnxDefinesThem) {
    // onnx/docs: the largest numbers and special patterns of the four formats.
    EXPECT_THAT(list<float>(of_bits<std::uint8_t>(DataType::float8e4m3fn, {0x38, 0x7e, 0x01, 0xbc}).to_float32()),
                ElementsAre(1, 448, 0x1p-9F, -1.5F));
    EXPECT_TRUE(std::isnan(list<float>(of_bits<std::uint8_t>(DataType::float8e4m3fn, {0x7f}).to_float32())[0]));
    EXPECT_THAT(list<float>(of_bits<std::uint8_t>(DataType::float8e4m3fnuz, {0x40, 0x7f, 0x01}).to_float32()),
                ElementsAre(1, 240, 0x1p-10F));
    EXPECT_TRUE(std::isnan(list<float>(of_bits<std::uint8_t>(DataType::float8e4m3fnuz, {0x80}).to_float32())[0]));
    EXPECT_THAT(list<float>(of_bits<std::uint8_t>(DataType::float8e5m2, {0x3c, 0x7b, 0x7c, 0x01}).to_float32()),
                ElementsAre(1, 57344, infinity, 0x1p-16F));
    EXPECT_TRUE(std::isnan(list<float>(of_bits<std::uint8_t>(DataType::float8e5m2, {0x7d}).to_float32())[0]));
    EXPECT_THAT(list<float>(of_bits<std::uint8_t>(DataType::float8e5m2fnuz, {0x40, 0x7f}).to_float32()),
                ElementsAre(1, 57344));
}

TEST(Tensor, ConversionsToIntegersRoundAndSaturate) {
    const Tensor floats = Tensor::of<float>({6}, {-1e9F, -0.6F, 0.5F, 1.5F, 254.7F, 1e9F});
    EXPECT_THAT(list<std::uint8_t>(floats.to(DataType::uint8)), ElementsAre(0, 0, 0, 2, 255, 255));
    EXPECT_THAT(list<std::int8_t>(floats.to(DataType::int8)), ElementsAre(-128, -1, 0, 2, 127, 127));
    EXPECT_THAT(list<std::int32_t>(Tensor::of<float>({3}, {3e9F, -3e9F, NAN}).to(DataType::int32)),
                ElementsAre(std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), 0));
    EXPECT_THAT(list<std::int64_t>(Tensor::of<double>({2}, {1e300, -1e300}).to(DataType::int64)),
                ElementsAre(std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()));
    EXPECT_THAT(list<std::uint8_t>(Tensor::of<std::int64_t>({3}, {-5, 7, 300}).to(DataType::uint8)),
                ElementsAre(0, 7, 255));
    EXPECT_THAT(list<std::int64_t>(Tensor::scalar(std::numeric_limits<std::uint64_t>::max()).to(DataType::int64)),
                ElementsAre(std::numeric_limits<std::int64_t>::max()));
    EXPECT_THAT(list<float>(Tensor::of<std::int8_t>({2}, {-3, 4}).to_float32()), ElementsAre(-3, 4));
}

TEST(Tensor, BoolsAreReadAsZeroOrNot) {
    // A file may hold any byte.
    EXPECT_THAT(of_bits<std::uint8_t>(DataType::boolean, {0, 1, 7}).to_int64s(), ElementsAre(0, 1, 1));
    EXPECT_THAT(Tensor::of<float>({2}, {0, -0.5F}).to(DataType::boolean).to_int64s(), ElementsAre(0, 1));
}

TEST(Tensor, WhatCannotBeConvertedIsSaid) {
    EXPECT_THAT(error_of([] { Tensor(DataType::complex64, {1}).to_float32(); }),
                HasSubstr("complex64 cannot be converted to float"));
    EXPECT_THAT(error_of([] { Tensor::scalar(1.0F).to(DataType::int4); }), StartsWith("unsupported: "));
    EXPECT_THAT(error_of([] { Tensor::scalar(1.0F).to(DataType::float8e5m2); }), StartsWith("unsupported: "));
    EXPECT_THAT(error_of([] { Tensor::scalar(1.0F).to_int64s(); }), HasSubstr("where integers are expected"));
}
