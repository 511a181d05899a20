#include "files/same_file.hpp"

#include <sys/stat.h>

namespace locus::files {

bool is_still_at(int descriptor, const std::filesystem::path& path) {
    struct stat opened {
    }, present{};
    return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &present) == 0 &&
           opened.st_ino == present.st_ino && opened.st_dev == present.st_dev;
}

}  // namespace locus::files
