#pragma once

/// Class names out of files.
///
///     model::read_labels("imagenet_labels.txt");              // one label a line
///     model::parse_labels(R"({"0": "tench", "1": "goldfish"})");   // {"tench", "goldfish"}

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace locus::model {

/// One label a line: CRLF and a UTF-8 byte order mark are understood, blank lines at the end ignored, others kept (they
/// have an index). Or JSON: a list of names, an object of index to name (or to a list that ends in the name, as Keras
/// has it), or of name to index; an index that the object leaves out gets "". Throws Error(usage) where the text is
/// none of these.
std::vector<std::string> parse_labels(std::string_view text);

/// The same from a file. Throws Error(io) where it cannot be read and Error(usage) where it holds no labels.
std::vector<std::string> read_labels(const std::filesystem::path& file);

}  // namespace locus::model
