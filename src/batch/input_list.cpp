#include "batch/input_list.hpp"

#include <glob.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "cluster/message.hpp"
#include "files/npy.hpp"
#include "image/picture_name.hpp"
#include "locus/error.hpp"
#include "report/out_folder.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::batch {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t most_array_items = 10'000'000;  // each is named in memory, and a sparse file costs nothing
constexpr std::size_t longest_stem = 180;              // bytes; file systems allow 255, and endings are added

/// Why nothing can be read there: the system's word, unless there is nothing.
std::string why_missing(const fs::path& path) {
    std::error_code error;
    if (path.empty()) return "an empty name is no file or folder";
    if (fs::status(path, error).type() != fs::file_type::not_found)
        return fmt::format("cannot be reached: {}", error.message());
    const fs::path target = fs::read_symlink(path, error);
    if (error) return "no such file or folder";
    return fmt::format("a symbolic link to {}, and nothing is there", text::quote(target.native()));
}

/// A path below OUT made of harmless names: no "..", no control characters, nothing that is not UTF-8.
std::string safe_stem(const fs::path& below) {
    fs::path result;
    for (const fs::path& part : fs::path(below).replace_extension().relative_path()) {
        std::string name = part.string();
        if (name == "." || name == ".." || name.empty()) continue;
        const bool utf8 = text::is_utf8(name);
        for (char& c : name) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 0x20 || byte == 0x7f || c == '\\' || c == ':' || (byte >= 0x80 && !utf8)) c = '_';
        }
        if (name.size() > longest_stem) {
            name.resize(longest_stem);
            while (!name.empty() && !text::is_utf8(name)) name.pop_back();
        }
        result /= name;
    }
    // A folder named as an output is would stand where the output of dir.png belongs.
    for (fs::path folder = result.parent_path(); !folder.empty(); folder = folder.parent_path()) {
        static const std::set<std::string> written{".jpg", ".png", ".npy"};
        if (!written.contains(image::ending_of(folder))) continue;
        const fs::path rest = result.lexically_relative(folder);
        folder += "_";
        result = folder / rest;
    }
    return result.empty() ? "image" : result.string();
}

class Lister {
public:
    explicit Lister(std::istream& standard_input) : standard_input_(standard_input) {}

    void add_argument(const std::string& argument) {
        if (argument == "-") {
            add_standard_input();
        } else if (argument.find_first_of("*?[") != std::string::npos && !is_there(argument)) {
            add_glob(argument);
        } else {
            add_path(argument);
        }
    }

    std::vector<InputItem> take() { return std::move(items_); }

private:
    void add_standard_input() {
        const std::string list{std::istreambuf_iterator<char>(standard_input_), {}};
        // `find -print0` ends paths with a zero byte, which no path holds; then ends of lines are part of names.
        const std::string_view mark = "\xef\xbb\xbf";  // that some editors set before UTF-8
        const char end_of_path = list.find('\0') == std::string::npos ? '\n' : '\0';
        for (std::size_t begin = list.starts_with(mark) ? mark.size() : 0; begin < list.size();) {
            const std::size_t end = std::min(list.find(end_of_path, begin), list.size());
            std::string path = list.substr(begin, end - begin);
            if (end_of_path == '\n' && path.ends_with('\r')) path.pop_back();
            if (!path.empty() && path != "\n") add_path(path);
            begin = end + 1;
        }
    }

    static bool is_there(const fs::path& path) {
        std::error_code none;
        return fs::exists(path, none);
    }

    void add_path(const std::string& path) {
        std::error_code none;
        if (fs::is_directory(path, none)) {
            add_folder(path);
        } else if (is_there(path)) {
            add_file(path, path, fs::path(path).filename());
        } else {
            fail(path, why_missing(path));
        }
    }

    void add_glob(const std::string& pattern) {
        glob_t found{};
        const int result = ::glob(pattern.c_str(), 0, nullptr, &found);
        const std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + (result == 0 ? found.gl_pathc : 0));
        ::globfree(&found);
        if (paths.empty()) {
            const fs::path folder = fs::path(pattern.substr(0, pattern.find_first_of("*?["))).parent_path();
            std::error_code error;
            const fs::directory_iterator opened(folder.empty() ? "." : folder, error);
            return fail(pattern,
                        error ? fmt::format("{} cannot be read: {}", text::quote(folder.string()), error.message())
                              : "no file matches this pattern");
        }
        for (const std::string& path : paths) {
            std::error_code none;
            if (is_there(path) && !fs::is_directory(path, none) && !fs::is_regular_file(path, none)) {
                fail(path, "not a file (a pipe, a socket or a device) and so not read by a pattern");
            } else {
                add_path(path);
            }
        }
    }

    void add_folder(const std::string& folder) {
        const std::size_t before = items_.size();
        met_again_ = left_a_run_out_ = false;
        walk(folder, folder);
        if (items_.size() == before && !met_again_)
            fail(folder,
                 fmt::format("the folder holds no pictures (jpg, png, webp, tif, gif, bmp) and no .npy arrays{}",
                             left_a_run_out_ ? " but what an earlier run wrote" : ""));
    }

    void walk(const fs::path& root, const fs::path& folder) {
        std::error_code error;
        const fs::path real = fs::canonical(folder, error);
        if (error) return fail(folder.string(), fmt::format("the folder cannot be read: {}", error.message()));
        if (!walked_.insert(real.string()).second) {
            met_again_ = true;
            return;
        }
        std::vector<fs::path> entries;
        for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
            entries.push_back(it->path());
        if (error) return fail(folder.string(), fmt::format("the folder cannot be read: {}", error.message()));
        std::sort(entries.begin(), entries.end());
        for (const fs::path& entry : entries) {
            if (image::is_hidden(entry)) continue;
            std::error_code why;
            const bool is_input = image::is_picture_name(entry) || is_array(entry);
            const fs::file_type type = fs::status(entry, why).type();
            if (type == fs::file_type::none || type == fs::file_type::unknown) {  // nobody can say what it is
                fail(entry.string(), fmt::format("cannot be read: {}", why.message()));
            } else if (type == fs::file_type::directory) {
                // An earlier run into a folder below is no reason to explain its overlays, nor for --resume to find
                // other inputs.
                if (report::belongs_to_run(entry)) {
                    left_a_run_out_ = true;
                } else {
                    walk(root, entry);
                }
            } else if (is_input && type != fs::file_type::not_found && type != fs::file_type::regular) {
                // Opening a pipe that nobody writes to would wait for ever. One that is named by the user is read.
                fail(entry.string(), "not a file (a pipe, a socket or a device) and so not read from a folder");
            } else if (is_input) {
                add_file(entry.string(), entry, entry.lexically_relative(root));
            }
        }
    }

    void add_file(const std::string& name, const fs::path& file, const fs::path& below) {
        if (is_array(file)) return add_array(name, file, below);
        items_.push_back({name, file, std::nullopt, unique(safe_stem(below)), {}});
    }

    void add_array(const std::string& name, const fs::path& file, const fs::path& below) {
        std::error_code none;
        if (!fs::is_regular_file(file, none))
            return fail(name, "an array is read piece by piece, from a file: not from a pipe, a socket or a device");
        try {
            const Shape shape = files::NpyReader(file).shape();
            const std::string stem = safe_stem(below);
            if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
                fail(name, fmt::format("the array has the shape {}: no input is in it", to_string(shape)));
            } else if (shape.size() == 3) {
                items_.push_back({name, file, std::nullopt, unique(stem), {}});
            } else if (shape.size() == 4 && shape[0] > most_array_items) {
                fail(name, fmt::format("the array has the shape {}: at most {} inputs may be in one", to_string(shape),
                                       most_array_items));
            } else if (shape.size() == 4) {
                for (std::int64_t i = 0; i < shape[0]; ++i) {
                    items_.push_back(
                        {fmt::format("{}#{}", name, i), file, i, unique(fmt::format("{}.{}", stem, i)), {}});
                }
            } else {
                fail(name,
                     fmt::format("the array has the shape {}, but a preprocessed input is [C, H, W] or [N, C, H, W]",
                                 to_string(shape)));
            }
        } catch (const Error& error) {
            fail(name, error.what());
        }
    }

    void fail(const std::string& name, const std::string& error) {
        items_.push_back({name, name, std::nullopt, unique(safe_stem(fs::path(name).filename())), error});
    }

    /// a/cat.jpg and b/cat.jpg, cat.jpg and cat.png: the later one becomes cat-2.
    std::string unique(const std::string& stem) {
        if (stems_.insert(stem).second) return stem;
        for (int& n = repeats_.emplace(stem, 2).first->second;; ++n) {
            std::string next = fmt::format("{}-{}", stem, n);
            if (stems_.insert(next).second) return next;
        }
    }

    std::istream& standard_input_;
    std::vector<InputItem> items_;
    std::unordered_set<std::string> stems_;
    std::unordered_map<std::string, int> repeats_;
    std::unordered_set<std::string> walked_;
    bool met_again_ = false;       // a folder of the last walk had been walked before
    bool left_a_run_out_ = false;  // or held what an earlier run wrote
};

}  // namespace

bool is_array(const fs::path& file) { return image::ending_of(file) == ".npy"; }

std::vector<InputItem> list_inputs(const std::vector<std::string>& arguments, std::istream& standard_input) {
    Lister lister(standard_input);
    for (const std::string& argument : arguments) lister.add_argument(argument);
    return lister.take();
}

std::string pack_inputs(const std::vector<InputItem>& inputs) {
    std::vector<std::string> parts;
    for (const InputItem& item : inputs) {
        parts.push_back(
            cluster::pack({item.name, item.file.string(), item.array_item ? std::to_string(*item.array_item) : "",
                           item.stem, item.error}));
    }
    return cluster::pack(parts);
}

std::vector<InputItem> unpack_inputs(const std::string& text) {
    std::vector<InputItem> inputs;
    for (const std::string& part : cluster::unpack(text)) {
        const std::vector<std::string> fields = cluster::unpack(part);
        if (fields.size() != 5) throw Error(ErrorKind::io, "the list of inputs that came from rank 0 is broken");
        InputItem& item = inputs.emplace_back(InputItem{fields[0], fields[1], std::nullopt, fields[3], fields[4]});
        if (!fields[2].empty()) item.array_item = std::stoll(fields[2]);
    }
    return inputs;
}

}  // namespace locus::batch
