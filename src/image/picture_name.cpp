#include "image/picture_name.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace locus::image {

std::string ending_of(const std::filesystem::path& file) {
    std::string ending = file.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return ending;
}

bool is_hidden(const std::filesystem::path& file) {
    const std::string name = file.filename().string();
    return name.starts_with('.') && name != "." && name != "..";
}

bool is_picture_name(const std::filesystem::path& file) {
    constexpr std::array<std::string_view, 10> endings{".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",
                                                       ".webp", ".tif",  ".tiff", ".gif",  ".bmp"};
    return !is_hidden(file) && std::ranges::find(endings, ending_of(file)) != endings.end();
}

}  // namespace locus::image
