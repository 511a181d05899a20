#include "evaluate/check.hpp"

#include <utility>

#include <fmt/format.h>

#include "batch/item_source.hpp"
#include "evaluate/pages/sanity_page.hpp"
#include "evaluate/sanity_folder.hpp"
#include "explain/explained_model.hpp"
#include "files/atomic_file.hpp"
#include "image/preview.hpp"
#include "image/sample_depth.hpp"
#include "locus/error.hpp"
#include "locus/version.hpp"
#include "report/out_folder.hpp"

namespace locus::evaluate {
namespace {

constexpr int picture_side = 150;
constexpr std::size_t largest_check = std::size_t{1} << 30;  // bytes of the network's input

/// Methods of different kinds, as far as they apply.
std::vector<std::string> default_methods(const explain::Network& network) {
    std::vector<std::string> names;
    for (const char* name :
         {"cam", "grad-cam", "layer-cam", "eigen-cam", "input-x-gradient", "guided-backprop", "random"}) {
        const auto obstacle = explain::find_method(name).obstacle;
        if (obstacle == nullptr || obstacle(network).empty()) names.emplace_back(name);
    }
    return names;
}

struct Pictures {
    Tensor inputs;
    std::vector<SanityImage> images;
    std::size_t left_out = 0;
    bool has_16_bits = false;  ///< one of them
};

SanityImage shown_in_check(const batch::InputItem& item, const batch::Source& source) {
    SanityImage image{.name = item.name,
                      .file = fmt::format("maps/{}.png", item.stem),
                      .picture = image::preview(source.picture, picture_side)};
    const double x = static_cast<double>(image.picture.width) / source.width,
                 y = static_cast<double>(image.picture.height) / source.height;
    image.region = {source.region.x * x, source.region.y * y, source.region.width * x, source.region.height * y};
    return image;
}

/// What cannot be read is told and left out. Throws Error(io) where nothing is left.
Pictures read_pictures(const std::vector<batch::InputItem>& items, const Preprocessing& preprocessing, int sample_bits,
                       const CheckObserver& observer) {
    const std::size_t most = largest_check / input_bytes(preprocessing);
    if (items.size() > most) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} images are too many: a check holds all of them in memory, of this "
                                "network's size {} at most",
                                items.size(), most));
    }
    batch::InputBatch inputs(preprocessing, items.size(), sample_bits);
    Pictures pictures;
    for (const batch::InputItem& item : items) {
        try {
            if (!item.error.empty()) throw Error(ErrorKind::io, item.error);
            const batch::Source source = inputs.read(item, false);
            if (!source.warning.empty() && observer.warning) observer.warning(source.warning);
            pictures.has_16_bits |= source.has_16_bits;
            pictures.images.push_back(shown_in_check(item, source));
        } catch (const Error& error) {
            if (observer.left_out) observer.left_out(item.name, error.what());
            ++pictures.left_out;
        }
    }
    if (pictures.images.empty()) throw Error(ErrorKind::io, "none of the images can be read");
    std::vector<Tensor> tensors = inputs.take();
    if (tensors.size() > 1) {
        throw Error(ErrorKind::usage, fmt::format("inputs of the shapes {} and {} do not go into one check",
                                                  to_string(tensors[0].shape()), to_string(tensors[1].shape())));
    }
    pictures.inputs = std::move(tensors.front());
    return pictures;
}

}  // namespace

Check check(const CheckOptions& options, const std::vector<batch::InputItem>& items, const CheckObserver& observer) {
    if (!options.overwrite) require_room_for_check(options.out);
    explain::Network network = explain::load_network(options.model, options.network);
    explain::give_labels(network, options.labels);
    if (items.empty()) throw Error(ErrorKind::usage, "there are no images to look at");
    // Opened and given up: a folder that takes no file is told of before the work, not after it.
    { const files::AtomicFile probe(options.out / report::check_results); }
    Pictures pictures = read_pictures(items, network.preprocessing, options.sample_bits, observer);
    if (options.sample_bits != 0 && !pictures.has_16_bits && observer.warning)
        observer.warning(image::bits_remark(options.sample_bits));
    if (pictures.inputs.type() != network.input_type) pictures.inputs = pictures.inputs.to(network.input_type);

    SanityOptions sanity = options.sanity;
    if (sanity.methods.empty()) sanity.methods = default_methods(network);
    Check done{.result = sanity_check(network, pictures.inputs, sanity, observer.progress),
               .left_out = pictures.left_out};
    if (observer.warning)
        for (const std::string& warning : done.result.warnings) observer.warning(warning);
    write_check(options.out, done.result, pictures.images,
                {version, options.model.string(), sanity.seed, network.labels});
    return done;
}

}  // namespace locus::evaluate
