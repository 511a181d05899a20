#include "locus/tensor.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/small_floats.hpp"
#include "model/tensor_misuse.hpp"

namespace locus {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX stores little-endian numbers, and so does Tensor");

/// The sentence's part that tells of a conversion that Locus does not do.
[[noreturn]] void refuse_conversion(DataType from, DataType to) {
    throw Error(ErrorKind::unsupported, fmt::format("a tensor of {} cannot be converted to {}", name(from), name(to)));
}

bool is_four_bit(DataType type) { return type == DataType::uint4 || type == DataType::int4; }

/// Calls `use(value)` for each element in order: an integer for integer types, float or double for the others.
template <class Use> void for_each_element(const Tensor& tensor, DataType wanted, Use use) {
    const auto raw = tensor.bytes();
    const auto count = static_cast<std::size_t>(tensor.size());
    const auto each = [&]<class T>(T /*type*/, auto convert) {
        for (std::size_t i = 0; i < count; ++i) {
            T value;
            std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
            use(convert(value));
        }
    };
    const auto as_it_is = [](auto value) { return value; };
    const auto float8 = [&](model::Float8Format format) {
        each(std::uint8_t{}, [format](std::uint8_t byte) { return model::float8_to_float(byte, format); });
    };
    switch (tensor.type()) {
        case DataType::float32:
            return each(float{}, as_it_is);
        case DataType::float64:
            return each(double{}, as_it_is);
        case DataType::uint8:
            return each(std::uint8_t{}, as_it_is);
        case DataType::int8:
            return each(std::int8_t{}, as_it_is);
        case DataType::uint16:
            return each(std::uint16_t{}, as_it_is);
        case DataType::int16:
            return each(std::int16_t{}, as_it_is);
        case DataType::uint32:
            return each(std::uint32_t{}, as_it_is);
        case DataType::int32:
            return each(std::int32_t{}, as_it_is);
        case DataType::uint64:
            return each(std::uint64_t{}, as_it_is);
        case DataType::int64:
            return each(std::int64_t{}, as_it_is);
        // A file may hold any byte for a bool: read it as a number, never as a C++ bool.
        case DataType::boolean:
            return each(std::uint8_t{}, [](std::uint8_t byte) { return static_cast<std::uint8_t>(byte != 0); });
        case DataType::float16:
            return each(std::uint16_t{}, model::half_to_float);
        case DataType::bfloat16:
            return each(std::uint16_t{}, model::bfloat_to_float);
        case DataType::float8e4m3fn:
            return float8({3, 7, true, false});
        case DataType::float8e4m3fnuz:
            return float8({3, 8, true, true});
        case DataType::float8e5m2:
            return float8({2, 15, false, false});
        case DataType::float8e5m2fnuz:
            return float8({2, 16, true, true});
        case DataType::uint4:
        case DataType::int4:
            for (std::size_t i = 0; i < count; ++i) {
                const auto byte = static_cast<std::uint8_t>(raw[i / 2]);
                const int nibble = i % 2 == 0 ? byte & 0xf : byte >> 4;
                use(static_cast<std::int8_t>(tensor.type() == DataType::int4 && nibble > 7 ? nibble - 16 : nibble));
            }
            return;
        default:
            refuse_conversion(tensor.type(), wanted);
    }
}

template <class To, class From> To saturated(From value) {
    using Limits = std::numeric_limits<To>;
    if constexpr (std::is_floating_point_v<To>) {
        return static_cast<To>(value);
    } else if constexpr (std::is_floating_point_v<From>) {
        if (std::isnan(value)) return 0;
        const From rounded = std::nearbyint(value);
        // The upper limit may round up to a power of two that To cannot hold: hence >=.
        if (rounded >= static_cast<From>(Limits::max())) return Limits::max();
        if (rounded <= static_cast<From>(Limits::lowest())) return Limits::lowest();
        return static_cast<To>(rounded);
    } else {
        if (std::cmp_greater(value, Limits::max())) return Limits::max();
        if (std::cmp_less(value, Limits::lowest())) return Limits::lowest();
        return static_cast<To>(value);
    }
}

std::size_t byte_count(DataType type, const Shape& shape, std::int64_t count) {
    const int width = bits(type);
    if (width == 0) {
        throw model::TensorMisuse(
            fmt::format("elements of type {} have no fixed size, so no tensor of shape {} holds them", name(type),
                        to_string(shape)));
    }
    if (count > (std::numeric_limits<std::int64_t>::max() - 7) / width) {
        throw model::TensorMisuse(fmt::format("a tensor of shape {} is larger than any memory", to_string(shape)));
    }
    return static_cast<std::size_t>((count * width + 7) / 8);
}

}  // namespace

std::string_view name(DataType type) {
    switch (type) {
        case DataType::undefined:
            return "undefined";
        case DataType::float32:
            return "float";
        case DataType::uint8:
            return "uint8";
        case DataType::int8:
            return "int8";
        case DataType::uint16:
            return "uint16";
        case DataType::int16:
            return "int16";
        case DataType::int32:
            return "int32";
        case DataType::int64:
            return "int64";
        case DataType::string:
            return "string";
        case DataType::boolean:
            return "bool";
        case DataType::float16:
            return "float16";
        case DataType::float64:
            return "double";
        case DataType::uint32:
            return "uint32";
        case DataType::uint64:
            return "uint64";
        case DataType::complex64:
            return "complex64";
        case DataType::complex128:
            return "complex128";
        case DataType::bfloat16:
            return "bfloat16";
        case DataType::float8e4m3fn:
            return "float8e4m3fn";
        case DataType::float8e4m3fnuz:
            return "float8e4m3fnuz";
        case DataType::float8e5m2:
            return "float8e5m2";
        case DataType::float8e5m2fnuz:
            return "float8e5m2fnuz";
        case DataType::uint4:
            return "uint4";
        case DataType::int4:
            return "int4";
    }
    return "unknown";
}

int bits(DataType type) {
    switch (type) {
        case DataType::uint4:
        case DataType::int4:
            return 4;
        case DataType::uint8:
        case DataType::int8:
        case DataType::boolean:
        case DataType::float8e4m3fn:
        case DataType::float8e4m3fnuz:
        case DataType::float8e5m2:
        case DataType::float8e5m2fnuz:
            return 8;
        case DataType::uint16:
        case DataType::int16:
        case DataType::float16:
        case DataType::bfloat16:
            return 16;
        case DataType::float32:
        case DataType::int32:
        case DataType::uint32:
            return 32;
        case DataType::float64:
        case DataType::int64:
        case DataType::uint64:
        case DataType::complex64:
            return 64;
        case DataType::complex128:
            return 128;
        case DataType::undefined:
        case DataType::string:
            return 0;
    }
    return 0;
}

bool is_floating(DataType type) {
    return type == DataType::float32 || type == DataType::float64 || type == DataType::float16 ||
           type == DataType::bfloat16;
}

namespace {

/// Where a vector register's worth of values begins a cache line. Throws std::bad_alloc.
std::shared_ptr<std::byte[]> room_for(std::size_t size) {
    // No machine has so much, and AddressSanitizer ends a program that asks for it instead of throwing.
    constexpr std::size_t most = std::size_t{1} << 39;
    constexpr std::align_val_t alignment{64};
    if (size > most) throw std::bad_alloc();
    return {static_cast<std::byte*>(::operator new(size, alignment)),
            [](std::byte* bytes) { ::operator delete(bytes, alignment); }};
}

}  // namespace

std::int64_t element_count(const Shape& shape) {
    for (const std::int64_t dimension : shape) {
        if (dimension < 0) {
            throw model::TensorMisuse(fmt::format("shape {} has a negative dimension", to_string(shape)));
        }
    }
    // A zero anywhere makes the tensor empty, however large the other dimensions are.
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
    std::int64_t count = 1;
    for (const std::int64_t dimension : shape) {
        if (count > std::numeric_limits<std::int64_t>::max() / dimension) {
            throw model::TensorMisuse(fmt::format("shape {} has more elements than can be counted", to_string(shape)));
        }
        count *= dimension;
    }
    return count;
}

std::string to_string(const Shape& shape) {
    // A file may declare thousands of dimensions; a sentence shows some.
    constexpr std::size_t shown = 16;
    if (shape.size() <= shown) return fmt::format("[{}]", fmt::join(shape, ", "));
    return fmt::format("[{}, … ({} dimensions)]", fmt::join(shape.begin(), shape.begin() + shown, ", "), shape.size());
}

const Shape& Tensor::shape_of_nothing() {
    static const Shape shape{0};
    return shape;
}

Tensor::Tensor(Tensor&& other) noexcept
    : type_(std::exchange(other.type_, DataType::float32)),
      shape_(std::exchange(other.shape_, {})),
      count_(std::exchange(other.count_, 0)),
      byte_count_(std::exchange(other.byte_count_, 0)),
      buffer_(std::exchange(other.buffer_, nullptr)) {}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
    Tensor taken(std::move(other));
    std::swap(type_, taken.type_);
    shape_.swap(taken.shape_);
    std::swap(count_, taken.count_);
    std::swap(byte_count_, taken.byte_count_);
    buffer_.swap(taken.buffer_);
    return *this;
}

Tensor Tensor::for_overwrite(DataType type, Shape shape) {
    Tensor tensor;
    tensor.type_ = type;
    tensor.shape_ = std::move(shape);
    tensor.count_ = element_count(tensor.shape_);
    tensor.byte_count_ = byte_count(type, tensor.shape_, tensor.count_);
    try {
        tensor.buffer_ = room_for(tensor.byte_count_);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("there is no memory for a tensor of shape {} of {} ({} bytes)",
                                                     to_string(tensor.shape_), name(type), tensor.byte_count_));
    }
    return tensor;
}

Tensor::Tensor(DataType type, Shape shape) : Tensor(for_overwrite(type, std::move(shape))) {
    std::fill_n(buffer_.get(), byte_count_, std::byte{0});
}

Tensor::Tensor(DataType type, Shape shape, std::vector<std::byte> bytes) : type_(type), shape_(std::move(shape)) {
    own(std::move(bytes));
}

Tensor Tensor::from_string(DataType type, Shape shape, std::string bytes) {
    Tensor tensor;
    tensor.type_ = type;
    tensor.shape_ = std::move(shape);
    tensor.own(std::move(bytes));
    return tensor;
}

template <class Bytes> void Tensor::own(Bytes bytes) {
    count_ = element_count(shape_);
    byte_count_ = byte_count(type_, shape_, count_);
    if (bytes.size() != byte_count_) {
        throw model::TensorMisuse(fmt::format("a tensor of shape {} of {} takes {} bytes, but {} are there",
                                              to_string(shape_), name(type_), byte_count_, bytes.size()));
    }
    const auto shared = std::make_shared<Bytes>(std::move(bytes));
    buffer_ = {shared, reinterpret_cast<std::byte*>(shared->data())};
}

std::span<const std::byte> Tensor::bytes() const { return {buffer_.get(), byte_count_}; }

std::span<std::byte> Tensor::mutable_bytes() {
    if (buffer_.use_count() > 1) {
        const std::shared_ptr<std::byte[]> copy = room_for(byte_count_);
        std::copy_n(buffer_.get(), byte_count_, copy.get());
        buffer_ = copy;
    }
    return {buffer_.get(), byte_count_};
}

Tensor Tensor::reshaped(Shape shape) const {
    if (element_count(shape) != count_) {
        throw model::TensorMisuse(
            fmt::format("a tensor of shape {} cannot take the shape {}", to_string(this->shape()), to_string(shape)));
    }
    Tensor result = *this;
    result.shape_ = std::move(shape);
    return result;
}

Tensor Tensor::to_float32() const { return to(DataType::float32); }

Tensor Tensor::to(DataType type) const {
    if (type == type_) return *this;
    if (is_four_bit(type)) refuse_conversion(type_, type);
    Tensor result(type, shape());
    const auto target = result.mutable_bytes();
    std::size_t at = 0;
    const auto put = [&](auto converted) {
        std::memcpy(target.data() + at, &converted, sizeof(converted));
        at += sizeof(converted);
    };
    const auto fill = [&]<class To>(To /*type*/) {
        for_each_element(*this, type, [&](auto value) { put(saturated<To>(value)); });
    };
    switch (type) {
        case DataType::float32:
            fill(float{});
            break;
        case DataType::float64:
            fill(double{});
            break;
        case DataType::uint8:
            fill(std::uint8_t{});
            break;
        case DataType::int8:
            fill(std::int8_t{});
            break;
        case DataType::uint16:
            fill(std::uint16_t{});
            break;
        case DataType::int16:
            fill(std::int16_t{});
            break;
        case DataType::uint32:
            fill(std::uint32_t{});
            break;
        case DataType::int32:
            fill(std::int32_t{});
            break;
        case DataType::uint64:
            fill(std::uint64_t{});
            break;
        case DataType::int64:
            fill(std::int64_t{});
            break;
        case DataType::boolean:
            for_each_element(*this, type, [&](auto value) { put(static_cast<std::uint8_t>(value != 0)); });
            break;
        case DataType::float16:
            for_each_element(*this, type, [&](auto value) { put(model::float_to_half(static_cast<float>(value))); });
            break;
        case DataType::bfloat16:
            for_each_element(*this, type, [&](auto value) { put(model::float_to_bfloat(static_cast<float>(value))); });
            break;
        default:
            refuse_conversion(type_, type);
    }
    return result;
}

std::vector<std::int64_t> Tensor::to_int64s() const {
    std::vector<std::int64_t> values;
    values.reserve(static_cast<std::size_t>(count_));
    for_each_element(*this, DataType::int64, [&](auto value) {
        if constexpr (std::is_floating_point_v<decltype(value)>) {
            throw model::TensorMisuse(fmt::format("a tensor of {} is where integers are expected", name(type_)));
        } else {
            values.push_back(saturated<std::int64_t>(value));
        }
    });
    return values;
}

void Tensor::require(DataType type) const {
    if (type != type_) {
        throw model::TensorMisuse(
            fmt::format("a tensor of {} is where one of {} is expected", name(type_), name(type)));
    }
}

}  // namespace locus
