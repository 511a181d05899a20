#pragma once

/// A dense tensor on the CPU: what goes into a network, what comes out, and what a model stores.
///
///     locus::Tensor x = locus::Tensor::of<float>({1, 3, 2, 2}, pixels);
///     x.shape();                    // {1, 3, 2, 2}
///     x.values<float>()[0];         // row-major, last dimension fastest
///
/// Copying is cheap: copies share one buffer until one of them is written to. Reading from several threads is safe;
/// `mutable_values` is not.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace locus {

/// Element types, with the numbers of ONNX's TensorProto.DataType.
enum class DataType : int {
    undefined = 0,
    float32 = 1,
    uint8 = 2,
    int8 = 3,
    uint16 = 4,
    int16 = 5,
    int32 = 6,
    int64 = 7,
    string = 8,
    boolean = 9,
    float16 = 10,
    float64 = 11,
    uint32 = 12,
    uint64 = 13,
    complex64 = 14,
    complex128 = 15,
    bfloat16 = 16,
    float8e4m3fn = 17,
    float8e4m3fnuz = 18,
    float8e5m2 = 19,
    float8e5m2fnuz = 20,
    uint4 = 21,
    int4 = 22,
};

/// Name as ONNX spells it in lower case: "float", "uint8", "float16", ….
std::string_view name(DataType type);

/// Bits an element takes; 0 where elements have no fixed size (strings, undefined).
int bits(DataType type);

using Shape = std::vector<std::int64_t>;

/// Number of elements of a shape; throws Error(model) where it is negative or overflows.
std::int64_t element_count(const Shape& shape);

/// "[1, 3, 224, 224]"
std::string to_string(const Shape& shape);

/// The DataType that stores T: float, double, the fixed-width integers, bool. float16 values are read by `to_float32`.
template <class T> constexpr DataType data_type_of();

class Tensor {
public:
    /// An empty float32 tensor of shape [0].
    Tensor();

    /// Zeros. Throws Error(model) for a type without fixed size, Error(resource) where memory does not suffice.
    Tensor(DataType type, Shape shape);

    /// Whatever is in memory, to be overwritten. Throws as the zeros do.
    static Tensor for_overwrite(DataType type, Shape shape);

    /// Takes over `bytes` (row-major, little-endian). Throws Error(model) unless their number fits shape and type.
    Tensor(DataType type, Shape shape, std::vector<std::byte> bytes);

    /// The same of bytes in a string, as protobuf holds them. Throws as well.
    static Tensor from_string(DataType type, Shape shape, std::string bytes);

    /// A tensor of copies of `values`; throws Error(model) unless their number fits the shape.
    template <class T> static Tensor of(Shape shape, std::span<const T> values);
    template <class T> static Tensor of(Shape shape, std::initializer_list<T> values) {
        return of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
    }
    /// A tensor of rank 0.
    template <class T> static Tensor scalar(T value) { return of<T>({}, {value}); }

    DataType type() const { return type_; }
    const Shape& shape() const { return shape_; }
    std::int64_t size() const { return count_; }
    std::size_t rank() const { return shape_.size(); }

    /// The elements; throws Error(model) unless T is the element type.
    template <class T> std::span<const T> values() const;

    /// The same to write to; copies the buffer first where it is shared. Throws as well, and std::bad_alloc where there
    /// is no room for the copy.
    template <class T> std::span<T> mutable_values();

    std::span<const std::byte> bytes() const;
    std::span<std::byte> mutable_bytes();

    /// The same elements under another shape of the same count; shares the buffer. Throws Error(model) for another
    /// count.
    Tensor reshaped(Shape shape) const;

    /// All elements converted to float32 (from any real number type, float16 and bfloat16 included). Throws as `to`.
    Tensor to_float32() const;

    /// All elements converted (integers saturate, halves round to nearest even). Throws Error(unsupported) from complex
    /// numbers, and to those, to four bits and to eight-bit floats; Error(model) from and to elements without fixed
    /// size; Error(resource) where memory does not suffice.
    Tensor to(DataType type) const;

    /// All elements as int64; throws Error(model) for floating-point types, Error(unsupported) for complex numbers.
    std::vector<std::int64_t> to_int64s() const;

private:
    /// Takes over a container of bytes.
    template <class Bytes> void own(Bytes bytes);
    void require(DataType type) const;

    DataType type_ = DataType::float32;
    Shape shape_{0};
    std::int64_t count_ = 0;
    std::size_t byte_count_ = 0;
    std::shared_ptr<std::byte[]> buffer_;
};

template <> constexpr DataType data_type_of<float>() { return DataType::float32; }
template <> constexpr DataType data_type_of<double>() { return DataType::float64; }
template <> constexpr DataType data_type_of<std::uint8_t>() { return DataType::uint8; }
template <> constexpr DataType data_type_of<std::int8_t>() { return DataType::int8; }
template <> constexpr DataType data_type_of<std::uint16_t>() { return DataType::uint16; }
template <> constexpr DataType data_type_of<std::int16_t>() { return DataType::int16; }
template <> constexpr DataType data_type_of<std::uint32_t>() { return DataType::uint32; }
template <> constexpr DataType data_type_of<std::int32_t>() { return DataType::int32; }
template <> constexpr DataType data_type_of<std::uint64_t>() { return DataType::uint64; }
template <> constexpr DataType data_type_of<std::int64_t>() { return DataType::int64; }
template <> constexpr DataType data_type_of<bool>() { return DataType::boolean; }

template <class T> Tensor Tensor::of(Shape shape, std::span<const T> values) {
    const auto raw = std::as_bytes(values);
    return Tensor(data_type_of<T>(), std::move(shape), std::vector<std::byte>(raw.begin(), raw.end()));
}

template <class T> std::span<const T> Tensor::values() const {
    require(data_type_of<T>());
    const auto raw = bytes();
    return {reinterpret_cast<const T*>(raw.data()), static_cast<std::size_t>(count_)};
}

template <class T> std::span<T> Tensor::mutable_values() {
    require(data_type_of<T>());
    const auto raw = mutable_bytes();
    return {reinterpret_cast<T*>(raw.data()), static_cast<std::size_t>(count_)};
}

}  // namespace locus
