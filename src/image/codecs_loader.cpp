#include <dlfcn.h>

#include <filesystem>

#include <fmt/core.h>

#include "image/decoders.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

/// OpenCV's codecs draw in more than a hundred libraries, whose loading takes longer than explaining a photo. So the
/// rarer formats are decoded in a library of their own beside ours, loaded for the first picture that needs it, and
/// never unloaded.
RareDecoder* load() {
    // By its place: a sanitizer stands between us and the loader, which then does not search where our RUNPATH says.
    static const char inside_us = 0;
    Dl_info ours{};
    std::filesystem::path file = "liblocus_codecs.so";
    if (::dladdr(&inside_us, &ours) != 0) file = std::filesystem::path(ours.dli_fname).replace_filename(file);
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) library = ::dlopen("liblocus_codecs.so", RTLD_NOW | RTLD_LOCAL);
    return library == nullptr ? nullptr : reinterpret_cast<RareDecoder*>(::dlsym(library, "locus_decode_rare"));
}

}  // namespace

Decoded decode_rare(const Source& source, const Header& header) {
    static RareDecoder* const decoder = load();
    if (decoder == nullptr) {
        throw Error(
            ErrorKind::unsupported,
            fmt::format("{} is a {} file, and liblocus_codecs.so, which decodes those, cannot be loaded: it belongs "
                        "beside liblocus.so",
                        source.name, name(header.format)));
    }
    Decoded decoded;
    decoder(source, header, decoded);
    return decoded;
}

}  // namespace locus::image
