#pragma once

/// What a command line names, as a list of items to explain.
///
///     for (const batch::InputItem& item : batch::list_inputs({"photos/", "extra/*.png", "x.npy"}, std::cin)) ...

#include <cstdint>
#include <filesystem>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace locus::batch {

struct InputItem {
    /// As given; of a folder's files: the folder as given, then the path below it; "x.npy#3" for arrays.
    std::string name;
    std::filesystem::path file;  ///< what to open
    /// Position along an array's first dimension; unset for pictures and [C, H, W].
    std::optional<std::int64_t> array_item;
    std::string stem;   ///< path below OUT/maps and OUT/overlays, without ending; no two items share one
    std::string error;  ///< why this item cannot be read, where that is known already; else empty
};

/// Whether a file is taken for an array: by its ending, .npy or .NPY.
bool is_array(const std::filesystem::path& file);

/// Expands arguments in their order: files; folders (walked, names sorted, pictures and arrays by their ending; what is
/// hidden and what earlier runs wrote there is left out); globs (*, ?, [...]), of which pipes are left out with an
/// error; "-" for one path a line on `standard_input`; .npy arrays item by item. What does not exist becomes an item
/// with an error. Folders met twice by links are walked once.
std::vector<InputItem> list_inputs(const std::vector<std::string>& arguments, std::istream& standard_input);

/// The list as one text, for other ranks: only rank 0 has the standard input, and folders are walked once.
/// `unpack_inputs` throws Error(io) for other texts.
std::string pack_inputs(const std::vector<InputItem>& inputs);
std::vector<InputItem> unpack_inputs(const std::string& text);

}  // namespace locus::batch
