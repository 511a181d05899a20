#pragma once

/// NumPy's .npy files, versions 1.0 to 3.0 (numpy.lib.format).
///
///     Tensor inputs = read_npy("x.npy");                 // any number type, C or Fortran order, either byte order
///     write_npy("maps/cat.npy", explanation.map);        // float32 [h, w]
///
///     NpyReader file("x.npy");                           // [N, C, H, W] larger than memory, piece by piece
///     for (std::int64_t i = 0; i < file.shape()[0]; ++i) Tensor item = file.read_items(i, 1);
///
/// A file is not trusted: its header is limited to 64 KiB, its shape is checked against the file's size before anything
/// is allocated, and what is refused (Python objects, records, strings, complex numbers) is refused by name. Errors are
/// Error(io).

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "locus/map.hpp"
#include "locus/tensor.hpp"

namespace locus::files {

/// The array of a file as a row-major tensor: float16, float32, float64, bool and the integers of 8 to 64 bits.
Tensor read_npy(const std::filesystem::path& file);

/// Writes a file atomically (version 1.0, C order, little-endian). The same tensor gives the same bytes. Throws
/// Error(unsupported) for a type that NumPy doesn't have.
void write_npy(const std::filesystem::path& file, const Tensor& tensor);
void write_npy(const std::filesystem::path& file, const Map& map);

/// The bytes that `write_npy` writes.
std::string npy_bytes(const Tensor& tensor);
std::string npy_bytes(const Map& map);

/// A file opened and checked, read as often as wanted.
class NpyReader {
public:
    explicit NpyReader(const std::filesystem::path& file);

    const Shape& shape() const { return shape_; }
    DataType type() const { return type_; }

    /// Items first ... first + count - 1 along the first dimension: [count, ...]. Throws Error(usage) outside the
    /// array. A file in Fortran order has no items that lie together and is read as a whole each time.
    Tensor read_items(std::int64_t first, std::int64_t count);

    /// All of it.
    Tensor read();

private:
    Tensor read_bytes(std::int64_t first_element, Shape shape);

    std::filesystem::path file_;
    std::ifstream stream_;
    std::int64_t data_start_ = 0;
    Shape shape_;
    DataType type_ = DataType::undefined;
    bool big_endian_ = false;
    bool fortran_order_ = false;
};

}  // namespace locus::files
