#include "feeds.hpp"

#include <fmt/format.h>

#include "files/npy.hpp"
#include "locus/error.hpp"
#include "model/finite.hpp"
#include "option_values.hpp"
#include "text/quote.hpp"

namespace locus::command {

CLI::Option* add_feeds(CLI::App& app, std::vector<std::string>& feeds) {
    return repeatable(app.add_option("--feed", feeds, "Value of another input of the model; may be given again"))
        ->type_name("NAME=FILE.npy");
}

std::vector<std::pair<std::string, Tensor>> read_feeds(const std::vector<std::string>& feeds) {
    std::vector<std::pair<std::string, Tensor>> result;
    for (const std::string& feed : feeds) {
        const std::size_t equals = feed.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == feed.size()) {
            throw Error(ErrorKind::usage, fmt::format("--feed takes NAME=FILE.npy, not '{}'", feed));
        }
        const std::string file = feed.substr(equals + 1);
        result.emplace_back(feed.substr(0, equals), files::read_npy(file));
        model::require_numbers(result.back().second, fmt::format("the file {} that --feed names", text::quote(file)));
    }
    return result;
}

}  // namespace locus::command
