#pragma once

/// What `locus check` writes of a sanity check: numbers for programs, curves, pictures, a page.

#include <string>
#include <vector>

#include "evaluate/sanity.hpp"
#include "locus/image.hpp"
#include "locus/overlay.hpp"

namespace locus::evaluate {

/// An image looked at: its name, the picture at the size in which it is shown, and where the network saw it.
struct SanityImage {
    std::string name;
    std::string file;  ///< for its maps, below the check's folder: "maps/cat.png"
    Image picture;
    Region region;  ///< in the picture's pixels
};

struct SanityDescription {
    std::string version, model;
    std::uint64_t seed = 0;
    std::vector<std::string> labels;  ///< of the classes; may be empty
};

/// check.json (docs/formats.md).
std::string sanity_json(const SanityResult& result, const std::vector<SanityImage>& images,
                        const SanityDescription& description);

/// The maps of one image: a row a method, a column a step.
Image sanity_picture(const SanityResult& result, const SanityImage& image, std::size_t index);

/// check.html: opens offline.
std::string sanity_page(const SanityResult& result, const std::vector<SanityImage>& images,
                        const SanityDescription& description);

}  // namespace locus::evaluate
