#include <string>

#include <fmt/core.h>

#include "files/atomic_file.hpp"
#include "image/picture_name.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "text/utf8.hpp"

namespace locus {

void write_image(const std::filesystem::path& file, const Image& image) {
    const std::string ending = image::ending_of(file);
    const bool is_jpeg = ending == ".jpg" || ending == ".jpeg";
    if (!is_jpeg && ending != ".png") {
        throw Error(ErrorKind::usage, fmt::format("pictures are written as .png, .jpg or .jpeg: '{}' is none of these",
                                                  text::to_utf8(file.native())));
    }
    const std::vector<std::byte> bytes = is_jpeg ? encode_jpeg(image) : encode_png(image);
    files::write_file_atomically(file, std::span<const std::byte>(bytes));
}

}  // namespace locus
