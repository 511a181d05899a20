#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "image/encode.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "report/atomic_file.hpp"

namespace locus {

void write_image(const std::filesystem::path& file, const Image& image) {
    std::string ending = file.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (ending != ".png" && ending != ".jpg" && ending != ".jpeg") {
        throw Error(ErrorKind::usage, fmt::format("pictures are written as .png or .jpg, not as '{}'", file.string()));
    }
    const auto bytes = ending == ".png" ? image::encode_png(image) : image::encode_jpeg(image);
    report::write_file_atomically(file, std::span<const std::byte>(bytes));
}

}  // namespace locus
