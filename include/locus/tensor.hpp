#pragma once

/// A dense tensor on the CPU: what goes into a network, what comes out, and what a model stores.
///
///     locus::Tensor x = locus::Tensor::of<float>({1, 3, 2, 2}, pixels);
///     x.shape();                    // {1, 3, 2, 2}
///     x.values<float>()[0];         // row-major, last dimension fastest
///
/// Copying is cheap: copies share one buffer until one of them is written to. Reading from several threads is safe;
/// `mutable_values` is not. A tensor that was moved from is as one that was made without arguments: empty, of shape [0].
///
/// What is asked of a tensor that it cannot give (a shape that does not fit its elements, another type than its own)
/// throws Error(usage).

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

/// True for float16, float32, float64 and bfloat16: the types of weights that can be trained and of gradients.
bool is_floating(DataType type);

using Shape = std::vector<std::int64_t>;

/// Number of elements of a shape; throws Error(usage) where a dimension is negative or the number overflows.
std::int64_t element_count(const Shape& shape);

/// "[1, 3, 224, 224]"
std::string to_string(const Shape& shape);

/// The DataType that stores T: float, double, the fixed-width integers, bool. float16 values are read by `to_float32`.
template <class T> constexpr DataType data_type_of();

class Tensor {
public:
    /// An empty float32 tensor of shape [0].
    Tensor() = default;
    Tensor(const Tensor&) = default;
    Tensor& operator=(const Tensor&) = default;
    Tensor(Tensor&& other) noexcept;
    Tensor& operator=(Tensor&& other) noexcept;
    ~Tensor() = default;

    /// Zeros. Throws Error(usage) for a type without fixed size, Error(resource) where memory does not suffice.
    Tensor(DataType type, Shape shape);

    /// Whatever is in memory, to be overwritten. Throws as the zeros do.
    static Tensor for_overwrite(DataType type, Shape shape);

    /// Takes over `bytes` (row-major, little-endian). Throws Error(usage) unless their number fits shape and type.
    Tensor(DataType type, Shape shape, std::vector<std::byte> bytes);

    /// The same of bytes in a string, as protobuf holds them. Throws as well.
    static Tensor from_string(DataType type, Shape shape, std::string bytes);

    /// A tensor of copies of `values`; throws Error(usage) unless their number fits the shape.
    template <class T> static Tensor of(Shape shape, std::span<const T> values);
    template <class T> static Tensor of(Shape shape, std::initializer_list<T> values) {
        return of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
    }
    /// A tensor of rank 0.
    template <class T> static Tensor scalar(T value) { return of<T>({}, {value}); }

    DataType type() const { return type_; }
    const Shape& shape() const { return is_nothing() ? shape_of_nothing() : shape_; }
    std::int64_t size() const { return count_; }
    std::size_t rank() const { return shape().size(); }

    /// The elements, which stay the tensor's own; throws Error(usage) unless T is the element type. Keep the tensor: in
    /// `for (float v : t.to_float32().values<float>())` it is gone before the first turn.
    template <class T> std::span<const T> values() const;

    /// The same to write to; copies the buffer first where it is shared. Throws as well, and std::bad_alloc where there
    /// is no room for the copy.
    template <class T> std::span<T> mutable_values();

    std::span<const std::byte> bytes() const;
    std::span<std::byte> mutable_bytes();

    /// The same elements under another shape of the same count; shares the buffer. Throws Error(usage) for another
    /// count.
    Tensor reshaped(Shape shape) const;

    /// All elements converted to float32 (from any real number type, float16 and bfloat16 included). Throws as `to`.
    Tensor to_float32() const;

    /// All elements converted (integers saturate, halves round to nearest even). Throws Error(unsupported) from complex
    /// numbers, and to those, to four bits and to eight-bit floats; Error(usage) from and to elements without fixed
    /// size; Error(resource) where memory does not suffice.
    Tensor to(DataType type) const;

    /// All elements as int64; throws Error(usage) for floating-point types, Error(unsupported) for complex numbers.
    std::vector<std::int64_t> to_int64s() const;

private:
    /// Takes over a container of bytes.
    template <class Bytes> void own(Bytes bytes);
    void require(DataType type) const;
    /// Whether it was made without arguments or moved from. Its shape_ is empty, as a scalar's, which has an element.
    bool is_nothing() const { return count_ == 0 && shape_.empty(); }
    static const Shape& shape_of_nothing();

    DataType type_ = DataType::float32;
    Shape shape_;
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
