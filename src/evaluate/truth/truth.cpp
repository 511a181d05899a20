#include "evaluate/truth/truth.hpp"

#include <system_error>

#include <fmt/core.h>

#include "evaluate/truth/box_readers.hpp"
#include "files/files_below.hpp"
#include "image/picture_name.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {

bool lies_outside(const Box& box, int width, int height) {
    return box.x >= width || box.y >= height || box.x + box.width <= 0 || box.y + box.height <= 0;
}

bool reaches_beyond(const Box& box, int width, int height) {
    return box.x < -1 || box.y < -1 || box.x + box.width > width + 1 || box.y + box.height > height + 1;
}

const Truth* TruthList::find(std::string_view name) const {
    const auto number = names_.find(name);
    return number ? &truths_[*number] : nullptr;
}

Truth& TruthList::at(std::string_view name) {
    const std::size_t number = names_.add(name);
    if (number == truths_.size()) truths_.push_back({std::string(name), 0, 0, {}, {}});
    return truths_[number];
}

TruthList read_boxes(const std::filesystem::path& source) {
    std::error_code error;
    if (std::filesystem::is_directory(source, error)) return read_xml_boxes(source);
    if (!std::filesystem::exists(source, error)) {
        throw Error(
            ErrorKind::io,
            fmt::format("the boxes {} are not there: a CSV file, a COCO JSON file or a folder of XML files is needed",
                        text::quote(source.string())));
    }
    const std::string ending = image::ending_of(source);
    if (ending == ".json") return read_coco_boxes(source);
    if (ending == ".xml") return read_xml_boxes(source);
    return read_csv_boxes(source);
}

void add_masks(TruthList& truths, const std::filesystem::path& folder) {
    std::error_code failed;
    const std::vector<std::filesystem::path> files = files::files_below(folder, ".png", failed);
    if (failed) {
        throw Error(ErrorKind::io, fmt::format("the folder of masks {} cannot be read: {}",
                                               text::quote(folder.string()), failed.message()));
    }
    if (files.empty()) {
        throw Error(ErrorKind::io,
                    fmt::format("the folder of masks {} holds no PNG file", text::quote(folder.string())));
    }
    std::vector<std::string> images;  // of each file, found before masks add images of their own
    for (const auto& file : files) {
        // The ending is the mask's own: "x.png" is of "x.jpg" as much as of "x.png".
        const std::filesystem::path name = file.lexically_relative(folder);
        const Truth* known = truths.find(std::filesystem::path(name).replace_extension().generic_string());
        images.push_back(known == nullptr ? name.generic_string() : known->name);
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
        Truth& truth = truths.at(images[i]);
        if (!truth.mask.empty()) {
            throw Error(
                ErrorKind::usage,
                fmt::format("{} and {} may both be the mask of {}: the image needs its folders",
                            text::quote(truth.mask.string()), text::quote(files[i].string()), text::quote(truth.name)));
        }
        truth.mask = files[i];
    }
}

}  // namespace locus::evaluate
