#include "image/png_reader.hpp"

#include <new>

namespace locus::image {
namespace {

[[noreturn]] void on_error(png_structp codec, png_const_charp message) {
    auto& reader = *static_cast<PngReader*>(png_get_error_ptr(codec));
    std::snprintf(static_cast<char*>(reader.message), sizeof reader.message, "%s", message);
    std::longjmp(reader.out, 1);
}

void on_warning(png_structp, png_const_charp) {}

}  // namespace

PngReader::PngReader() {
    codec = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (codec != nullptr) info = png_create_info_struct(codec);
    if (info != nullptr) return;
    png_destroy_read_struct(&codec, nullptr, nullptr);
    throw std::bad_alloc();
}

PngReader::~PngReader() { png_destroy_read_struct(&codec, &info, nullptr); }

}  // namespace locus::image
