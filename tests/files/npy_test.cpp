#include "files/npy.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "locus/error.hpp"
#include "support/scratch_folder.hpp"

namespace locus::files {
namespace {

std::string little(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 255);
    return text;
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
    return std::string("\x93NUMPY", 6) + static_cast<char>(version) + '\0' +
           little(header.size(), version == 1 ? 2 : 4) + header + data;
}

Tensor read(const std::string& bytes) {
    const test::ScratchFolder folder;
    test::put(folder / "x.npy", bytes);
    return read_npy(folder / "x.npy");
}

std::string refusal(const std::string& bytes) {
    try {
        const Tensor tensor = read(bytes);
        return "read as " + to_string(tensor.shape());
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::io);
        return error.what();
    }
}

TEST(Npy, BytesAreThoseOfNumpy) {
    // numpy.save of np.arange(6, dtype='<f4').reshape(2, 3), numpy 1.24.
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const std::string expected = npy(header + std::string(118 - header.size() - 1, ' ') + '\n',
                                     std::string("\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@", 24));
    EXPECT_EQ(npy_bytes(Tensor::of<float>({2, 3}, {0, 1, 2, 3, 4, 5})), expected);
    EXPECT_EQ(npy_bytes(Map{3, 2, {0, 1, 2, 3, 4, 5}}), expected);
}

TEST(Npy, EveryTypeComesBackAsItWas) {
    const test::ScratchFolder folder;
    for (const DataType type :
         {DataType::float16, DataType::float32, DataType::float64, DataType::uint8, DataType::int8, DataType::uint16,
          DataType::int16, DataType::uint32, DataType::int32, DataType::uint64, DataType::int64, DataType::boolean}) {
        Tensor tensor(type, {3, 1, 4});
        for (std::size_t i = 0; i < tensor.mutable_bytes().size(); ++i)
            tensor.mutable_bytes()[i] = static_cast<std::byte>(type == DataType::boolean ? i % 2 : i * 7);
        write_npy(folder / "x.npy", tensor);
        const Tensor back = read_npy(folder / "x.npy");
        EXPECT_EQ(back.type(), type);
        EXPECT_EQ(back.shape(), tensor.shape());
        EXPECT_TRUE(std::ranges::equal(back.bytes(), tensor.bytes())) << name(type);
    }
}

TEST(Npy, RankZeroAndOneAndEmptyArraysComeBack) {
    const test::ScratchFolder folder;
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{0, 3}, Shape{2, 0}}) {
        write_npy(folder / "x.npy", Tensor(DataType::float32, shape));
        EXPECT_EQ(read_npy(folder / "x.npy").shape(), shape);
    }
}

TEST(Npy, ReadsAllVersionsAndByteOrders) {
    const std::string data = little(0x0102, 2) + little(0x0304, 2);
    const std::string swapped = "\x01\x02\x03\x04";
    for (const int version : {1, 2, 3}) {
        const Tensor a = read(npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n", data, version));
        const Tensor b = read(npy("{'shape':(2,),'descr':\">i2\",'fortran_order':True}", swapped, version));
        for (const Tensor& tensor : {a, b}) {
            EXPECT_EQ(tensor.shape(), Shape{2});
            EXPECT_EQ(tensor.values<std::int16_t>()[0], 0x0102);
            EXPECT_EQ(tensor.values<std::int16_t>()[1], 0x0304);
        }
    }
}

TEST(Npy, AnEmptyArrayMayHaveAnyOtherSizes) {
    const test::ScratchFolder folder;
    test::put(folder / "empty.npy",
              npy("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 4611686018427387904, 4), }", ""));
    const Tensor array = NpyReader(folder / "empty.npy").read();
    EXPECT_EQ(array.shape(), (Shape{0, 4611686018427387904, 4}));
    EXPECT_TRUE(array.bytes().empty());
}

TEST(Npy, FortranOrderIsTurnedIntoRows) {
    // np.asfortranarray([[[0,1],[2,3],[4,5]],[[6,7],[8,9],[10,11]]]): the first index runs fastest.
    std::string data;
    for (const int value : {0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}) data += little(static_cast<unsigned>(value), 4);
    const test::ScratchFolder folder;
    test::put(folder / "f.npy", npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 2), }", data));
    const Tensor tensor = read_npy(folder / "f.npy");
    for (int i = 0; i < 12; ++i) EXPECT_EQ(tensor.values<std::int32_t>()[static_cast<std::size_t>(i)], i);
    const Tensor second = NpyReader(folder / "f.npy").read_items(1, 1);
    EXPECT_EQ(second.shape(), (Shape{1, 3, 2}));
    EXPECT_EQ(second.values<std::int32_t>()[0], 6);
}

TEST(Npy, ItemsAreReadAlone) {
    const test::ScratchFolder folder;
    write_npy(folder / "x.npy", Tensor::of<float>({3, 2}, {0, 1, 2, 3, 4, 5}));
    NpyReader reader(folder / "x.npy");
    EXPECT_EQ(reader.shape(), (Shape{3, 2}));
    const Tensor last = reader.read_items(2, 1);
    EXPECT_EQ(last.shape(), (Shape{1, 2}));
    EXPECT_EQ(last.values<float>()[0], 4);
    const Tensor two = reader.read_items(0, 2);
    EXPECT_EQ(two.values<float>()[3], 3);
    EXPECT_EQ(reader.read_items(3, 0).size(), 0);
    EXPECT_THROW(reader.read_items(2, 2), Error);
    EXPECT_THROW(reader.read_items(-1, 1), Error);
}

TEST(Npy, RefusesWhatIsNotPlainNumbers) {
    const auto of_type = [](const std::string& descr) {
        return npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }", std::string(64, '\0'));
    };
    EXPECT_NE(refusal(of_type("'|O'")).find("'|O'"), std::string::npos);
    EXPECT_NE(refusal(of_type("'<c8'")).find("'<c8'"), std::string::npos);
    EXPECT_NE(refusal(of_type("'<f16'")).find("'<f16'"), std::string::npos);
    EXPECT_NE(refusal(of_type("[('a', '<f4')]")).find("records"), std::string::npos);
    EXPECT_NE(refusal(of_type("''")).find("descr"), std::string::npos);
}

TEST(Npy, RefusesHostileHeadersBeforeAllocating) {
    const auto of_shape = [](const std::string& shape) {
        return npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }", std::string(8, '\0'));
    };
    EXPECT_NE(refusal(of_shape("(3,)")).find("cut off"), std::string::npos);
    EXPECT_NE(refusal(of_shape("(1000000000000,)")).find("cut off"), std::string::npos);
    EXPECT_NE(refusal(of_shape("(4294967296, 4294967296, 4294967296)")).find("cut off"), std::string::npos);
    EXPECT_NE(refusal(of_shape("(99999999999999999999,)")).find("shape"), std::string::npos);
    EXPECT_NE(refusal(of_shape("(-1,)")).find("shape"), std::string::npos);
    EXPECT_NE(refusal(of_shape("(1.5,)")).find("malformed"), std::string::npos);
    std::string many = "(";
    for (int i = 0; i < 33; ++i) many += "1,";
    EXPECT_NE(refusal(of_shape(many + ")")).find("32"), std::string::npos);
    EXPECT_NE(refusal(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)).find("64 KiB"), std::string::npos);
    EXPECT_NE(refusal(std::string("\x93NUMPY\x04\x00\x00\x00", 10)).find("version"), std::string::npos);
    EXPECT_NE(refusal("").find("not a .npy"), std::string::npos);
    EXPECT_NE(refusal("GIF89a......").find("not a .npy"), std::string::npos);
}

TEST(Npy, EveryTruncationOfAFileIsRefusedOrWhole) {
    const std::string whole = npy_bytes(Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const std::string sentence = refusal(whole.substr(0, length));
        EXPECT_TRUE(sentence.find("cut off") != std::string::npos || sentence.find("not a .npy") != std::string::npos)
            << length << ": " << sentence;
    }
}

TEST(Npy, EveryByteOfTheHeaderMayBeWrong) {
    const std::string whole = npy_bytes(Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
    for (std::size_t at = 0; at < 128; ++at)
        for (const char value : {'\0', '\'', '(', ',', '9', '\xff'}) {
            std::string bytes = whole;
            bytes[at] = value;
            SCOPED_TRACE("byte " + std::to_string(at) + " is " + std::to_string(static_cast<unsigned char>(value)));
            try {
                const Tensor tensor = read(bytes);
                EXPECT_LE(tensor.bytes().size(), 16U);  // no more than the data
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::io) << error.what();
                EXPECT_NE(std::string(error.what()).find("x.npy"), std::string::npos) << error.what();
            }
        }
}

TEST(Npy, FoldersAndMissingFilesAreNamed) {
    const test::ScratchFolder folder;
    EXPECT_THROW(read_npy(folder.path()), Error);
    EXPECT_THROW(read_npy(folder / "missing.npy"), Error);
}

}  // namespace
}  // namespace locus::files
