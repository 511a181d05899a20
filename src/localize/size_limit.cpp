#include "localize/size_limit.hpp"

#include <cstdint>

#include <fmt/core.h>

#include "locus/boxes.hpp"
#include "locus/error.hpp"

namespace locus::localize {

void require_size(int width, int height) {
    if (width <= most_side && height <= most_side && std::int64_t{width} * height <= most_pixels) return;
    throw Error(ErrorKind::resource,
                fmt::format("{} x {} pixels are too many: no side may be longer than {}, and {} million are the most",
                            width, height, most_side, most_pixels / 1'000'000));
}

}  // namespace locus::localize
