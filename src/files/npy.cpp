#include "files/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "text/utf8.hpp"

namespace fs = std::filesystem;

namespace locus::files {
namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr std::uint32_t header_limit = 65536;
constexpr std::size_t rank_limit = 32;  // NumPy's own

struct Kind {
    char code;
    int bytes;
    DataType type;
};
constexpr std::array kinds{
    Kind{'f', 2, DataType::float16}, Kind{'f', 4, DataType::float32}, Kind{'f', 8, DataType::float64},
    Kind{'u', 1, DataType::uint8},   Kind{'u', 2, DataType::uint16},  Kind{'u', 4, DataType::uint32},
    Kind{'u', 8, DataType::uint64},  Kind{'i', 1, DataType::int8},    Kind{'i', 2, DataType::int16},
    Kind{'i', 4, DataType::int32},   Kind{'i', 8, DataType::int64},   Kind{'b', 1, DataType::boolean},
};

struct Header {
    std::string descr;
    std::optional<bool> fortran_order;
    std::optional<Shape> shape;
};

// The header is a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }. Just that much Python is
// read.
class HeaderParser {
public:
    HeaderParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

    Header parse() {
        Header header;
        expect('{');
        while (!accept('}')) {
            const std::string key = quoted();
            expect(':');
            if (key == "descr") {
                if (peek() == '[') fail("holds records; one plain number type is wanted");
                header.descr = quoted();
            } else if (key == "fortran_order") {
                header.fortran_order = boolean();
            } else if (key == "shape") {
                header.shape = shape();
            } else {
                fail("has a header with an unknown key");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        if (peek() != '\0') fail("has something behind its header");
        if (header.descr.empty() || !header.fortran_order || !header.shape)
            fail("has a header without descr, fortran_order or shape");
        return header;
    }

private:
    [[noreturn]] void fail(std::string_view what) const {
        throw Error(ErrorKind::io, fmt::format("{} {}", file_, what));
    }
    char peek() {
        while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n' || text_[0] == '\t')) text_.remove_prefix(1);
        return text_.empty() ? '\0' : text_[0];
    }
    bool accept(char wanted) {
        if (peek() != wanted || text_.empty()) return false;
        text_.remove_prefix(1);
        return true;
    }
    void expect(char wanted) {
        if (!accept(wanted)) fail("has a malformed .npy header");
    }
    std::string quoted() {
        const char quote = peek();
        if (quote != '\'' && quote != '"') fail("has a malformed .npy header");
        const std::size_t end = text_.find(quote, 1);
        if (end == std::string_view::npos) fail("has a malformed .npy header");
        std::string value(text_.substr(1, end - 1));
        text_.remove_prefix(end + 1);
        return value;
    }
    bool boolean() {
        peek();
        for (const bool value : {true, false}) {
            const std::string_view word = value ? "True" : "False";
            if (!text_.starts_with(word)) continue;
            text_.remove_prefix(word.size());
            return value;
        }
        fail("has a malformed .npy header");
    }
    Shape shape() {
        Shape dimensions;
        expect('(');
        while (!accept(')')) {
            peek();
            std::int64_t dimension = -1;
            const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), dimension);
            if (error != std::errc() || dimension < 0) fail("has a shape that is not one");
            text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
            accept('L');  // as Python 2 wrote long integers
            dimensions.push_back(dimension);
            if (dimensions.size() > rank_limit) fail("has more than 32 dimensions");
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return dimensions;
    }

    std::string_view text_;
    const std::string& file_;
};

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

// Number of bytes of a shape; nothing where it does not fit 63 bits.
std::optional<std::int64_t> byte_count(const Shape& shape, std::int64_t element) {
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
    std::int64_t count = element;
    for (const std::int64_t dimension : shape)
        if (__builtin_mul_overflow(count, dimension, &count)) return std::nullopt;
    return count;
}

Tensor from_fortran_order(const Tensor& stored, const Shape& shape) {
    const auto element = static_cast<std::size_t>(bits(stored.type()) / 8);
    Tensor result(stored.type(), shape);
    const auto source = stored.bytes();
    const auto target = result.mutable_bytes();
    if (result.size() == 0) return result;
    struct Axis {
        std::int64_t size, stride, position;
    };
    std::vector<Axis> axes;
    std::int64_t stride = 1;
    for (const std::int64_t size : shape) {
        axes.push_back({size, stride, 0});
        stride *= size;
    }
    // Walks the target in its own order, the source by strides: the first dimension is the fastest there.
    std::int64_t offset = 0;
    for (std::int64_t i = 0; i < result.size(); ++i) {
        std::copy_n(source.begin() + offset * static_cast<std::int64_t>(element), element,
                    target.begin() + i * static_cast<std::int64_t>(element));
        for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
            offset += axis->stride;
            if (++axis->position < axis->size) break;
            offset -= axis->stride * axis->size;
            axis->position = 0;
        }
    }
    return result;
}

std::string header_bytes(DataType type, const Shape& shape) {
    const auto kind =
        std::find_if(kinds.begin(), kinds.end(), [&](const Kind& candidate) { return candidate.type == type; });
    if (kind == kinds.end()) throw Error(ErrorKind::unsupported, fmt::format("NumPy has no type for {}", name(type)));
    std::string dimensions;
    for (const std::int64_t dimension : shape)
        dimensions += fmt::format("{}{}", dimensions.empty() ? "" : " ", dimension) + ',';
    if (shape.size() > 1) dimensions.pop_back();
    std::string text = fmt::format("{{'descr': '{}{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   kind->bytes == 1 ? '|' : '<', kind->code, kind->bytes, dimensions);
    // NumPy pads with blanks and ends with a newline, so that data start at a multiple of 64.
    const std::size_t prefix = magic.size() + 4;
    text.append(63 - (prefix + text.size()) % 64, ' ');
    text += '\n';
    std::string bytes(magic);
    bytes += {'\x01', '\x00', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
    return bytes + text;
}

}  // namespace

NpyReader::NpyReader(const fs::path& file) : file_(file) {
    const std::string shown = "'" + text::to_utf8(file.native()) + "'";
    const auto fail = [&](const std::string& what) { throw Error(ErrorKind::io, fmt::format("{} {}", shown, what)); };
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    if (status.type() == fs::file_type::not_found) fail("does not exist");
    if (status.type() != fs::file_type::regular) fail("is not a regular file");
    const std::uintmax_t file_size = fs::file_size(file, error);
    stream_.open(file, std::ios::binary);
    if (error || !stream_) fail("cannot be opened");

    std::string start(12, '\0');
    stream_.read(start.data(), 10);
    if (!stream_ || !start.starts_with(magic)) fail("is not a .npy file");
    const int version = static_cast<unsigned char>(start[6]);
    if (version < 1 || version > 3 || start[7] != 0)
        fail(fmt::format("is of .npy version {}.{}; 1.0, 2.0 and 3.0 are read", version,
                         static_cast<unsigned char>(start[7])));
    if (version > 1) stream_.read(start.data() + 10, 2);
    const std::uint32_t length = little_endian(std::string_view(start).substr(8, version == 1 ? 2 : 4));
    if (length > header_limit) fail("has a header of more than 64 KiB");
    data_start_ = (version == 1 ? 10 : 12) + static_cast<std::int64_t>(length);
    std::string text(length, '\0');
    stream_.read(text.data(), static_cast<std::streamsize>(length));
    if (!stream_) fail("is cut off within its header");
    const Header header = HeaderParser(text, shown).parse();

    const std::string& descr = header.descr;
    const char order = descr.empty() ? '?' : descr[0];
    const std::string_view rest = std::string_view(descr).substr(std::min<std::size_t>(1, descr.size()));
    const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& candidate) {
        return rest == fmt::format("{}{}", candidate.code, candidate.bytes);
    });
    if (kind == kinds.end() || std::string_view("<>|=").find(order) == std::string_view::npos)
        fail(
            fmt::format("holds elements of type '{}'; numbers are read: float16, float32, float64, bool "
                        "and integers",
                        text::to_utf8(descr)));
    type_ = kind->type;
    big_endian_ = order == '>' && kind->bytes > 1;
    fortran_order_ = *header.fortran_order;
    shape_ = *header.shape;
    const std::optional<std::int64_t> count = byte_count(shape_, kind->bytes);
    const auto available = static_cast<std::int64_t>(file_size) - data_start_;
    if (!count || *count > available)
        fail(fmt::format("is cut off: its header promises {} of {}, and {} bytes follow", to_string(shape_),
                         name(type_), std::max<std::int64_t>(0, available)));
}

Tensor NpyReader::read_bytes(std::int64_t first_element, Shape shape) {
    Tensor tensor(type_, std::move(shape));
    const auto element = static_cast<std::size_t>(bits(type_) / 8);
    const auto target = tensor.mutable_bytes();
    stream_.clear();
    stream_.seekg(data_start_ + first_element * static_cast<std::int64_t>(element));
    stream_.read(reinterpret_cast<char*>(target.data()), static_cast<std::streamsize>(target.size()));
    if (static_cast<std::size_t>(stream_.gcount()) != target.size() && !target.empty())
        throw Error(ErrorKind::io, fmt::format("'{}' cannot be read to its end", text::to_utf8(file_.native())));
    if (big_endian_)
        for (std::size_t i = 0; i < target.size(); i += element)
            std::reverse(target.begin() + static_cast<std::ptrdiff_t>(i),
                         target.begin() + static_cast<std::ptrdiff_t>(i + element));
    // Any other value than 0 and 1 would be undefined behaviour in a bool.
    if (type_ == DataType::boolean)
        for (std::byte& value : target) value = value == std::byte{0} ? std::byte{0} : std::byte{1};
    return tensor;
}

Tensor NpyReader::read() {
    if (!fortran_order_ || shape_.size() < 2) return read_bytes(0, shape_);
    return from_fortran_order(read_bytes(0, Shape{element_count(shape_)}), shape_);
}

Tensor NpyReader::read_items(std::int64_t first, std::int64_t count) {
    if (shape_.empty() || first < 0 || count < 0 || first > shape_[0] || count > shape_[0] - first)
        throw Error(ErrorKind::usage,
                    fmt::format("'{}' has no items {} to {}: its shape is {}", text::to_utf8(file_.native()), first,
                                first + count - 1, to_string(shape_)));
    Shape item_shape = shape_;
    item_shape[0] = 1;
    const std::int64_t item = element_count(item_shape);
    Shape shape = shape_;
    shape[0] = count;
    if (!fortran_order_ || shape_.size() < 2) return read_bytes(first * item, shape);
    const Tensor all = read();
    const auto element = static_cast<std::int64_t>(bits(type_) / 8);
    const auto begin = all.bytes().begin() + first * item * element;
    return Tensor(type_, shape, std::vector<std::byte>(begin, begin + count * item * element));
}

Tensor read_npy(const fs::path& file) { return NpyReader(file).read(); }

std::string npy_bytes(const Tensor& tensor) {
    std::string bytes = header_bytes(tensor.type(), tensor.shape());
    const auto data = tensor.bytes();
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return bytes;
}

std::string npy_bytes(const Map& map) {
    std::string bytes = header_bytes(DataType::float32, {map.height, map.width});
    bytes.append(reinterpret_cast<const char*>(map.values.data()), map.values.size() * sizeof(float));
    return bytes;
}

void write_npy(const fs::path& file, const Tensor& tensor) { write_file_atomically(file, npy_bytes(tensor)); }

void write_npy(const fs::path& file, const Map& map) { write_file_atomically(file, npy_bytes(map)); }

}  // namespace locus::files
