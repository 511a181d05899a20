#include "program_folder.hpp"

#include <system_error>

namespace locus::command {

std::filesystem::path program_folder() {
    std::error_code unknown;
    return std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path();
}

}  // namespace locus::command
