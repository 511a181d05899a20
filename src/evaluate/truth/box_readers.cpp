#include "evaluate/truth/box_readers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <unordered_map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "dataset/csv.hpp"
#include "evaluate/truth/xml.hpp"
#include "files/files_below.hpp"
#include "image/decode.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

constexpr double largest_pixel = 1e6;

/// Whether an image can be so large: no more than what is decoded (image/decode.hpp).
bool is_size_of_image(double width, double height) {
    const image::DecodeOptions limits;
    return width >= 1 && height >= 1 && width <= limits.max_side && height <= limits.max_side &&
           width * height <= static_cast<double>(limits.max_pixels);
}

std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorKind::io, fmt::format("{} cannot be read", text::quote(file.string())));
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Inclusive corners.
Box box_of_corners(double x0, double y0, double x1, double y1) {
    const auto whole = [](double v) { return static_cast<int>(std::lround(v)); };
    return {whole(x0), whole(y0), whole(x1) - whole(x0) + 1, whole(y1) - whole(y0) + 1};
}

/// What is wrong with the image's last box; "" where nothing is, or its size is not known. One pixel may be rounding.
std::string fault_of_last_box(const Truth& truth) {
    const Box& box = truth.boxes.back();
    const bool is_outside = lies_outside(box, truth.width, truth.height);
    if (truth.width == 0 || !is_outside || !reaches_beyond(box, truth.width, truth.height)) return "";
    return fmt::format(
        "the box of {} from ({}, {}) to ({}, {}) lies outside of its {} x {} pixels: columns may be swapped, or "
        "another "
        "size be meant",
        text::quote(truth.name), box.x, box.y, box.x + box.width - 1, box.y + box.height - 1, truth.width,
        truth.height);
}

}  // namespace

TruthList read_csv_boxes(const std::filesystem::path& file) {
    const dataset::Csv csv = dataset::read_csv(file);
    const auto name_column = csv.find_column("file") ? csv.find_column("file") : csv.find_column("path");
    std::vector<std::size_t> corner_columns;
    for (const char* column : {"x0", "y0", "x1", "y1"}) {
        if (const auto found = csv.find_column(column)) corner_columns.push_back(*found);
    }
    if (!name_column || corner_columns.size() != 4) {
        std::string header;
        for (const std::string& field : csv.header) header += (header.empty() ? "" : ",") + field;
        throw Error(
            ErrorKind::io,
            fmt::format(
                "the header of {} is {}: file,width,height,x0,y0,x1,y1 is right, or path,x0,y0,x1,y1 where the images "
                "are at hand",
                text::quote(file.string()), text::quote(header)));
    }
    const auto width_column = csv.find_column("width"), height_column = csv.find_column("height");
    TruthList truths;
    for (std::size_t row = 0; row < csv.rows.size(); ++row) {
        const auto complain = [&](const std::string& what) {
            throw Error(ErrorKind::io,
                        fmt::format("{}, line {}: {}", text::quote(file.string()), csv.lines[row], what));
        };
        const std::string& name = csv.rows[row][*name_column];
        if (name.empty()) complain("the file's name is empty");
        Truth& truth = truths.at(name);
        if (width_column && height_column) {
            const double width = csv.number(row, *width_column), height = csv.number(row, *height_column);
            if (!is_size_of_image(width, height))
                complain(fmt::format("an image of {} x {} pixels cannot be", width, height));
            if (truth.width != 0 &&
                (truth.width != static_cast<int>(width) || truth.height != static_cast<int>(height))) {
                complain(fmt::format("{} has another size than in the line before", text::quote(name)));
            }
            truth.width = static_cast<int>(width);
            truth.height = static_cast<int>(height);
        }
        // A row with empty corners names an image without a box.
        if (std::all_of(corner_columns.begin(), corner_columns.end(),
                        [&](std::size_t c) { return csv.rows[row][c].empty(); }))
            continue;
        double corner[4];
        for (std::size_t i = 0; i < 4; ++i) {
            corner[i] = csv.number(row, corner_columns[i]);
            if (!(std::abs(corner[i]) <= largest_pixel)) complain(fmt::format("{} is no pixel", corner[i]));
        }
        if (corner[2] < corner[0] || corner[3] < corner[1]) {
            complain(
                fmt::format("the box of {} ends before it begins (x0 <= x1 and y0 <= y1 is right)", text::quote(name)));
        }
        truth.boxes.push_back(box_of_corners(corner[0], corner[1], corner[2], corner[3]));
        if (const std::string fault = fault_of_last_box(truth); !fault.empty()) complain(fault);
    }
    return truths;
}

TruthList read_coco_boxes(const std::filesystem::path& file) {
    TruthList truths;
    std::string place = "its text";  // that is read
    try {
        const nlohmann::json coco = nlohmann::json::parse(read_text(file));
        place = "its table of images";
        std::unordered_map<std::int64_t, std::string> names;
        std::size_t number = 0;
        for (const auto& image : coco.at("images")) {
            place = fmt::format("entry {} of its images", number++);
            const std::string name = image.at("file_name").get<std::string>();
            names[image.at("id").get<std::int64_t>()] = name;
            Truth& truth = truths.at(name);
            const double width = image.value("width", 0.0), height = image.value("height", 0.0);
            if ((width != 0 || height != 0) && !is_size_of_image(width, height)) {
                throw Error(ErrorKind::io, fmt::format("{}: {} is said to have {} x {} pixels, which no image has",
                                                       text::quote(file.string()), text::quote(name), width, height));
            }
            truth.width = static_cast<int>(width);
            truth.height = static_cast<int>(height);
        }
        place = "its table of annotations";
        number = 0;
        for (const auto& annotation : coco.at("annotations")) {
            place = fmt::format("entry {} of its annotations", number++);
            if (annotation.value("iscrowd", 0) != 0) continue;
            const auto name = names.find(annotation.at("image_id").get<std::int64_t>());
            const auto& box = annotation.at("bbox");
            if (name == names.end() || box.size() != 4) {
                truths.remarks.push_back(
                    fmt::format("an annotation of {} names no image of the file, or has no four numbers: left out",
                                text::quote(file.string())));
                continue;
            }
            const double x = box[0], y = box[1], width = box[2], height = box[3];
            if (!(width > 0 && height > 0 && std::abs(x) <= largest_pixel && std::abs(y) <= largest_pixel &&
                  width <= largest_pixel && height <= largest_pixel)) {
                truths.remarks.push_back(fmt::format("a box of {} has no area: left out", text::quote(name->second)));
                continue;
            }
            // From x to x + width in continuous coordinates: the pixels whose centres lie between.
            const double left = std::ceil(x - 0.5), top = std::ceil(y - 0.5);
            Truth& truth = truths.at(name->second);
            truth.boxes.push_back(box_of_corners(left, top, std::max(left, std::ceil(x + width - 0.5) - 1),
                                                 std::max(top, std::ceil(y + height - 0.5) - 1)));
            if (const std::string fault = fault_of_last_box(truth); !fault.empty())
                throw Error(ErrorKind::io, fmt::format("{}: {}", text::quote(file.string()), fault));
        }
    } catch (const nlohmann::json::parse_error& error) {
        throw Error(ErrorKind::io, fmt::format("{} is no COCO file, because it is no JSON from byte {} on",
                                               text::quote(file.string()), error.byte));
    } catch (const nlohmann::json::exception&) {
        throw Error(
            ErrorKind::io,
            fmt::format("{} is no COCO file: {} cannot be used; tables `images` (id, a number, and file_name) and "
                        "`annotations` (image_id and bbox, four numbers) are needed",
                        text::quote(file.string()), place));
    }
    return truths;
}

namespace {

double pixel_of(const XmlElement& element, std::string_view name) {
    const std::string text = element.text_of(name);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(std::abs(value) <= largest_pixel)) {
        throw Error(ErrorKind::io, fmt::format("<{}> is {} and no pixel", name, text::quote(text)));
    }
    return value;
}

/// What one file says of one image.
struct Annotation {
    std::string folder;  ///< of the file, below the folder that was read; "" where it lies in it
    Truth truth;
};

/// The image has the name `fallback` where there is no <filename>.
Truth read_xml(const XmlElement& root, const std::string& fallback) {
    if (root.name != "annotation") {
        throw Error(ErrorKind::io, fmt::format("the root is <{}>, <annotation> is right", text::quote(root.name)));
    }
    // ILSVRC counts pixels from 0, PASCAL VOC from 1; the source says which it is.
    const XmlElement* source = root.child("source");
    const std::string database = source == nullptr ? "" : source->text_of("database");
    const bool from_zero =
        database.find("ILSVRC") != std::string::npos || database.find("ImageNet") != std::string::npos;
    const double origin = from_zero ? 0 : 1;

    Truth truth;
    const std::string filename = root.text_of("filename");
    truth.name = filename.empty() ? fallback : filename;
    if (const XmlElement* size = root.child("size")) {
        const double width = pixel_of(*size, "width"), height = pixel_of(*size, "height");
        const bool is_known = width != 0 || height != 0;
        if (is_known && !is_size_of_image(width, height)) {
            throw Error(ErrorKind::io,
                        fmt::format("the image is said to have {} x {} pixels, which none has", width, height));
        }
        truth.width = static_cast<int>(width);
        truth.height = static_cast<int>(height);
    }
    for (const XmlElement& object : root.children) {
        const XmlElement* bounds = object.name == "object" ? object.child("bndbox") : nullptr;
        if (bounds == nullptr) continue;
        const double x0 = pixel_of(*bounds, "xmin"), y0 = pixel_of(*bounds, "ymin");
        const double x1 = pixel_of(*bounds, "xmax"), y1 = pixel_of(*bounds, "ymax");
        if (x1 < x0 || y1 < y0) throw Error(ErrorKind::io, "a box ends before it begins");
        truth.boxes.push_back(box_of_corners(x0 - origin, y0 - origin, x1 - origin, y1 - origin));
        if (const std::string fault = fault_of_last_box(truth); !fault.empty()) throw Error(ErrorKind::io, fault);
    }
    return truth;
}

/// By image. Where files of several folders name the same one, as each class's folder may have its 1.jpg, the folders
/// are part of the name.
void add(TruthList& truths, const std::vector<Annotation>& annotations) {
    std::map<std::string, std::set<std::string>> folders;
    for (const Annotation& annotation : annotations) folders[annotation.truth.name].insert(annotation.folder);
    const auto several = std::ranges::find_if(folders, [](const auto& entry) { return entry.second.size() > 1; });
    if (several != folders.end()) {
        truths.remarks.push_back(
            fmt::format("{} is annotated in several folders: images of such names are known by their folder, as {}",
                        text::quote(several->first), text::quote(*several->second.rbegin() + '/' + several->first)));
    }
    for (const auto& [folder, truth] : annotations) {
        const bool is_unique = folder.empty() || folders.at(truth.name).size() == 1;
        Truth& known = truths.at(is_unique ? truth.name : folder + '/' + truth.name);
        known.boxes.insert(known.boxes.end(), truth.boxes.begin(), truth.boxes.end());
        if (truth.width > 0) {
            known.width = truth.width;
            known.height = truth.height;
        }
    }
}

}  // namespace

TruthList read_xml_boxes(const std::filesystem::path& source) {
    std::vector<std::filesystem::path> files{source};
    std::error_code failed;
    if (std::filesystem::is_directory(source, failed)) files = files::files_below(source, ".xml", failed);
    if (failed) {
        throw Error(ErrorKind::io,
                    fmt::format("{} cannot be read: {}", text::quote(source.string()), failed.message()));
    }
    TruthList truths;
    std::vector<Annotation> annotations;
    for (const auto& file : files) {
        try {
            const std::string folder = file == source ? "." : file.parent_path().lexically_relative(source).string();
            annotations.push_back(
                {folder == "." ? "" : folder, read_xml(parse_xml(read_text(file)), file.stem().string())});
        } catch (const Error& error) {
            truths.remarks.push_back(fmt::format("{} is left out: {}", text::quote(file.string()), error.what()));
        }
    }
    add(truths, annotations);
    if (truths.all().empty()) {
        throw Error(ErrorKind::io,
                    fmt::format("the folder {} holds no readable XML annotation{}", text::quote(source.string()),
                                truths.remarks.empty() ? "" : ": " + truths.remarks.front()));
    }
    return truths;
}

}  // namespace locus::evaluate
