#pragma once

/// Which files of a folder or an archive are taken for pictures, by their names alone.

#include <filesystem>
#include <string>

namespace locus::image {

/// The ending in small letters: ".jpg" of "a/b.JPG".
std::string ending_of(const std::filesystem::path& file);

/// What begins with a dot, as macOS's "._cat.jpg", which holds no picture; "." and ".." are not hidden.
bool is_hidden(const std::filesystem::path& file);

/// True for names that end as files of pictures do: .jpg, .jpeg, .jpe, .jfif, .png, .webp, .tif, .tiff, .gif or .bmp in
/// either case, unless hidden.
bool is_picture_name(const std::filesystem::path& file);

}  // namespace locus::image
