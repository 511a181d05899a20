#include "dataset/sample_list.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "dataset/csv.hpp"
#include "dataset/tar_index.hpp"
#include "image/picture_name.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {

namespace fs = std::filesystem;

namespace {

/// A sample before labels have become numbers.
struct Found {
    Sample sample;
    std::vector<std::string> keys;
};

struct Listing {
    std::vector<Found> found;
    std::vector<std::string> keys;         ///< of classes that exist, with or without images
    bool has_class_folders = false;        ///< in folders or archives
    std::vector<std::string> passed_over;  ///< files that are not named as images
    std::vector<std::string> classless;    ///< images beside the folders of classes
    bool multi_label = false;
    const LabelTable* labels = nullptr;
};

void list_tar(const fs::path& archive, Listing& listing) {
    for (TarMember& member : index_tar(archive)) {
        const fs::path name(member.name);
        const std::string key = name.parent_path().filename().string();
        if (std::any_of(name.begin(), name.end(), image::is_hidden)) continue;
        if (!image::is_picture_name(name)) {
            listing.passed_over.push_back(archive.string() + ":" + member.name);
            continue;
        }
        if ((key.empty() || key == ".") && listing.labels == nullptr) {
            throw Error(ErrorKind::usage,
                        fmt::format("{}: {} lies in no folder, so its class is not known; archives hold "
                                    "one folder a class",
                                    text::printable(archive.string()), text::quote(member.name)));
        }
        listing.has_class_folders = true;
        listing.found.push_back({{member.name, archive, member.offset, member.size, {}}, {key}});
    }
}

[[noreturn]] void fail_unread(const fs::path& folder, const std::error_code& why) {
    throw Error(ErrorKind::io, fmt::format("{}: cannot be read ({})", text::printable(folder.string()), why.message()));
}

/// The images of a folder and its subfolders, but for what is hidden.
void list_images(const fs::path& folder, const fs::path& root, const std::string& key, Listing& listing) {
    std::error_code failed;
    std::vector<fs::path> files;
    auto entry = fs::recursive_directory_iterator(folder, failed);
    for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
        std::error_code unknown;
        const fs::file_type type = entry->status(unknown).type();
        // What nobody can say what it is, as a link that leads in a circle, is named when it is read.
        if (image::is_hidden(entry->path()))
            entry.disable_recursion_pending();
        else if (type == fs::file_type::regular || type == fs::file_type::none)
            files.push_back(entry->path());
    }
    if (failed) fail_unread(folder, failed);
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        if (image::is_picture_name(file)) {
            std::error_code unknown;
            const std::uintmax_t size = fs::file_size(file, unknown);
            listing.found.push_back({{file.lexically_relative(root).string(), file, 0, unknown ? 0 : size, {}}, {key}});
        } else {
            listing.passed_over.push_back(file.string());
        }
    }
}

void list_class_folder(const fs::path& folder, const fs::path& root, Listing& listing) {
    const std::string key = folder.filename().string();
    listing.has_class_folders = true;
    listing.keys.push_back(key);
    list_images(folder, root, key, listing);
}

void list_folder(const fs::path& folder, Listing& listing) {
    if (listing.labels != nullptr) return list_images(folder, folder, "", listing);
    std::vector<fs::path> folders, archives, images;
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
        std::error_code unknown;
        const fs::path& path = entry->path();
        if (image::is_hidden(path)) continue;
        if (entry->is_directory(unknown))
            folders.push_back(path);
        else if (path.extension() == ".tar")
            archives.push_back(path);
        else if (image::is_picture_name(path))
            images.push_back(path);
    }
    if (failed) fail_unread(folder, failed);
    std::sort(folders.begin(), folders.end());
    std::sort(archives.begin(), archives.end());
    if (folders.empty() && archives.empty()) {
        throw Error(
            images.empty() ? ErrorKind::io : ErrorKind::usage,
            fmt::format("{}: holds neither a folder for each class nor tar files{}", text::printable(folder.string()),
                        images.empty() ? "" : "; images beside each other have no class (evaluate --truth names it)"));
    }
    for (const fs::path& image : images) listing.classless.push_back(image.string());
    for (const fs::path& archive : archives) list_tar(archive, listing);
    for (const fs::path& inner : folders) list_class_folder(inner, folder, listing);
}

std::string trimmed(std::string text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.erase(0, 1);
    return text;
}

std::vector<std::string> split_labels(const std::string& field) {
    std::vector<std::string> labels(1);
    for (const char c : field) {
        if (c == ';' || c == '|')
            labels.emplace_back();
        else
            labels.back() += c;
    }
    for (std::string& label : labels) label = trimmed(std::move(label));
    std::erase(labels, "");
    return labels;
}

void list_csv(const fs::path& file, Listing& listing) {
    const Csv csv = read_csv(file);
    const std::size_t path = csv.column("path");
    const auto several = csv.find_column("labels");
    if (!several && !csv.find_column("label") && listing.labels == nullptr) {
        throw Error(ErrorKind::usage,
                    fmt::format("{}: has no column 'label' or 'labels', so nothing says what its images "
                                "show",
                                text::printable(file.string())));
    }
    const std::size_t label = several ? *several : listing.labels != nullptr ? path : csv.column("label");
    listing.multi_label = listing.multi_label || (several.has_value() && listing.labels == nullptr);
    for (std::size_t row = 0; row < csv.rows.size(); ++row) {
        const std::string& name = csv.rows[row][path];
        std::vector<std::string> keys =
            several ? split_labels(csv.rows[row][label]) : std::vector<std::string>{trimmed(csv.rows[row][label])};
        if (!several && keys[0].empty()) {
            throw Error(ErrorKind::usage, fmt::format("{}, line {}: {} has no label", text::printable(file.string()),
                                                      csv.lines[row], text::quote(name)));
        }
        const fs::path image = fs::path(name).is_absolute() ? fs::path(name) : file.parent_path() / name;
        std::error_code missing;
        const std::uint64_t size = fs::file_size(image, missing);
        if (missing) {
            throw Error(ErrorKind::io,
                        fmt::format("{}, line {}: the image {} is not there", text::printable(file.string()),
                                    csv.lines[row], text::printable(image.string())));
        }
        listing.found.push_back({{name, image, 0, size, {}}, std::move(keys)});
    }
}

/// Puts the table's labels in place of what the folders say.
void take_labels(Listing& listing, std::vector<std::string>& remarks) {
    std::string stranger;
    const std::size_t images = listing.found.size();
    std::erase_if(listing.found, [&](Found& found) {
        const std::string* label = listing.labels->find(found.sample.name);
        if (label == nullptr) {
            if (stranger.empty()) stranger = found.sample.name;
            return true;
        }
        found.keys = {*label};
        return false;
    });
    const std::size_t left_out = images - listing.found.size();
    if (listing.found.empty() && images > 0) {
        throw Error(ErrorKind::usage,
                    fmt::format("none of {} images is in the table of true classes: {} is an image, and the table "
                                "begins with {}",
                                images, text::quote(stranger), text::quote(listing.labels->first_name())));
    }
    if (left_out > 0) {
        remarks.push_back(fmt::format("{} of {} images are not in the table of true classes, {} among them: left out",
                                      left_out, images, text::quote(stranger)));
    }
    if (listing.found.size() < listing.labels->size()) {
        remarks.push_back(fmt::format("{} of {} rows of the table of true classes name no image of the data",
                                      listing.labels->size() - listing.found.size(), listing.labels->size()));
    }
    listing.keys.clear();
    listing.has_class_folders = false;
}

/// Each image once, where several rows or sources name it.
void take_once(Listing& listing, std::vector<std::string>& remarks) {
    std::map<std::pair<fs::path, std::uint64_t>, const Found*> known;  // by file and offset
    std::vector<Found> once;
    once.reserve(listing.found.size());  // `known` points into it
    std::size_t repeated = 0;
    std::string example;
    for (Found& found : listing.found) {
        const auto [first, is_new] = known.try_emplace({found.sample.file.lexically_normal(), found.sample.offset});
        if (is_new) {
            first->second = &once.emplace_back(std::move(found));
            continue;
        }
        const bool is_labelled = listing.labels == nullptr;  // else by the table
        if (is_labelled && !std::ranges::is_permutation(first->second->keys, found.keys)) {
            throw Error(ErrorKind::usage,
                        fmt::format("{} is listed twice, as {} and as {}: one is right", text::quote(found.sample.name),
                                    text::quote(fmt::format("{}", fmt::join(first->second->keys, ";"))),
                                    text::quote(fmt::format("{}", fmt::join(found.keys, ";")))));
        }
        if (repeated++ == 0) example = found.sample.name;
    }
    listing.found = std::move(once);
    if (repeated > 0) {
        remarks.push_back(fmt::format("{} of {} listed images are repeated, {} among them: each counts once", repeated,
                                      listing.found.size() + repeated, text::quote(example)));
    }
}

std::optional<std::int64_t> whole_number(const std::string& key) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(key.data(), key.data() + key.size(), number);
    return failed == std::errc() && end == key.data() + key.size() ? std::optional(number) : std::nullopt;
}

/// The classes that occur: folders in the order of their names, as torchvision's ImageFolder has them; labels of tables
/// as well, unless all are whole numbers, which come in the order of numbers.
ClassList classes_of(const Listing& listing) {
    std::set<std::string> keys(listing.keys.begin(), listing.keys.end());
    for (const Found& found : listing.found) keys.insert(found.keys.begin(), found.keys.end());
    std::vector<ClassEntry> entries;
    for (const std::string& key : keys) entries.push_back({key, key});
    const bool are_numbers =
        std::ranges::all_of(keys, [](const std::string& key) { return whole_number(key).has_value(); });
    if (are_numbers && !listing.has_class_folders)
        std::ranges::stable_sort(entries, {}, [](const ClassEntry& entry) { return *whole_number(entry.key); });
    return ClassList(std::move(entries));
}

/// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& names) {
    std::string list;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, names.size()); ++i)
        list += (i ? ", " : "") + text::printable(names[i]);
    if (names.size() > 3) list += fmt::format(" and {} more", names.size() - 3);
    return list;
}

/// All that a folder, a CSV file or a tar file holds.
void list_source(const fs::path& source, Listing& listing) {
    try {
        if (fs::is_directory(source))
            list_folder(source, listing);
        else if (!fs::exists(source))
            throw Error(ErrorKind::io, fmt::format("{}: is not there", text::printable(source.string())));
        else if (source.extension() == ".csv")
            list_csv(source, listing);
        else
            list_tar(source, listing);
    } catch (const fs::filesystem_error& error) {
        throw Error(ErrorKind::io,
                    fmt::format("{}: cannot be read ({})", text::printable(source.string()), error.code().message()));
    }
}

/// Those that were passed over.
void remark_on_files(const Listing& listing, std::vector<std::string>& remarks) {
    if (!listing.passed_over.empty()) {
        remarks.push_back(fmt::format("{} file{} passed over, not named as an image: {}", listing.passed_over.size(),
                                      listing.passed_over.size() == 1 ? "" : "s", some_of(listing.passed_over)));
    }
    if (!listing.classless.empty()) {
        remarks.push_back(fmt::format("{} image{} passed over, beside the folders of classes and so of none: {}",
                                      listing.classless.size(), listing.classless.size() == 1 ? "" : "s",
                                      some_of(listing.classless)));
    }
}

void remark_on_empty_classes(SampleList& list) {
    std::vector<std::size_t> counts(list.classes.entries.size());
    for (const Sample& sample : list.samples)
        for (const int label : sample.labels) ++counts[static_cast<std::size_t>(label)];
    std::vector<std::string> empty;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) empty.push_back(list.classes.entries[i].key);
    }
    if (!empty.empty()) {
        list.remarks.push_back(
            fmt::format("{} class{} without images: {}", empty.size(), empty.size() == 1 ? "" : "es", some_of(empty)));
    }
}

}  // namespace

SampleList list_samples(const std::vector<fs::path>& sources, const ListOptions& options) {
    Listing listing;
    listing.labels = options.labels;
    for (const fs::path& source : sources) list_source(source, listing);

    SampleList list;
    take_once(listing, list.remarks);
    if (options.labels != nullptr) take_labels(listing, list.remarks);
    list.multi_label = listing.multi_label;
    list.classes = options.classes;
    if (list.classes.entries.empty()) list.classes = classes_of(listing);
    for (Found& found : listing.found) {
        for (const std::string& key : found.keys) {
            const auto index = list.classes.find(key);
            if (!index) {
                throw Error(ErrorKind::usage, fmt::format("{} is labelled {}, which is not in the list of classes",
                                                          text::quote(found.sample.name), text::quote(key)));
            }
            found.sample.labels.push_back(*index);
        }
        list.samples.push_back(std::move(found.sample));
    }
    if (list.samples.empty()) {
        throw Error(ErrorKind::io,
                    fmt::format("{}: holds no image",
                                sources.empty() ? "the list of data" : text::printable(sources[0].string())));
    }
    remark_on_files(listing, list.remarks);
    remark_on_empty_classes(list);
    return list;
}

std::vector<std::byte> read_bytes(const Sample& sample) {
    std::vector<std::byte> bytes(sample.size);  // before there is a file to be closed
    const int descriptor = ::open(sample.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        throw Error(ErrorKind::io, fmt::format("{}: cannot be opened ({})", text::printable(sample.file.string()),
                                               std::strerror(errno)));
    }
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got =
            ::pread(descriptor, bytes.data() + have, bytes.size() - have, static_cast<off_t>(sample.offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    ::close(descriptor);
    if (have != bytes.size()) {
        throw Error(ErrorKind::io, fmt::format("{}: {} cannot be read whole", text::printable(sample.file.string()),
                                               text::quote(sample.name)));
    }
    return bytes;
}

}  // namespace locus::dataset
