#pragma once

/// libpng's decoder for those who read rows.
///
///     bool read_header(PngReader& reader) {
///         if (setjmp(reader.out) != 0) return false;    // reader.message says why
///         png_read_info(reader.codec, reader.info);
///         return true;
///     }
///
/// libpng reports errors through a callback that must not return: it jumps back to `out`. Frames between that and libpng
/// therefore hold nothing with a destructor.

#include <csetjmp>
#include <cstdio>

#include <png.h>

namespace locus::image {

struct PngReader {
    png_structp codec = nullptr;
    png_infop info = nullptr;
    std::jmp_buf out{};
    char message[128] = "";

    PngReader();  ///< Throws std::bad_alloc.
    ~PngReader();
    PngReader(const PngReader&) = delete;
    PngReader& operator=(const PngReader&) = delete;
};

}  // namespace locus::image
