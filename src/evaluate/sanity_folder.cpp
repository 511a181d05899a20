#include "evaluate/sanity_folder.hpp"

#include <fstream>
#include <set>
#include <span>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "report/out_folder.hpp"
#include "text/quote.hpp"

namespace fs = std::filesystem;

namespace locus::evaluate {
namespace {

/// The pictures that the check in the folder names.
std::set<std::string> pictures_of_check(const fs::path& folder) {
    std::set<std::string> pictures;
    std::ifstream file(folder / "check.json", std::ios::binary);
    const auto json = nlohmann::json::parse(file, nullptr, false);
    if (!json.is_object() || !json.contains("images")) return pictures;
    for (const auto& image : json["images"]) {
        if (image.is_object() && image.contains("picture") && image["picture"].is_string())
            pictures.insert(image["picture"].get<std::string>());
    }
    return pictures;
}

}  // namespace

void require_room_for_check(const fs::path& folder) {
    const report::OutState state = report::inspect_out(folder);
    std::error_code unknown;
    const bool holds_check = fs::is_regular_file(folder / report::check_results, unknown);
    if (state == report::OutState::empty || holds_check) return;
    throw Error(ErrorKind::usage, fmt::format("{} holds {}: choose another folder with --out, or put a check's files "
                                              "beside them with --overwrite",
                                              text::quote(folder.string()),
                                              state == report::OutState::foreign ? "other files" : "a run's results"));
}

void write_check(const fs::path& folder, const SanityResult& result, const std::vector<SanityImage>& images,
                 const SanityDescription& description) {
    std::set<std::string> left = pictures_of_check(folder);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto bytes = encode_png(sanity_picture(result, images[i], i));
        files::write_file_atomically(folder / images[i].file, std::span<const std::byte>(bytes));
        left.erase(images[i].file);
    }
    files::write_file_atomically(folder / "check.html", sanity_page(result, images, description));
    files::write_file_atomically(folder / report::check_results, sanity_json(result, images, description));
    report::remove_files(folder, {left.begin(), left.end()});
}

}  // namespace locus::evaluate
