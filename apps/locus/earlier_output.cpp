#include "earlier_output.hpp"

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::command {

bool holds_model(const std::filesystem::path& file, const std::function<bool(const model::Model&)>& is_such) {
    std::error_code none;
    if (!std::filesystem::is_regular_file(file, none)) return false;
    try {
        return is_such(model::load(file));
    } catch (const Error&) {
        return false;
    }
}

void require_earlier_output(const std::filesystem::path& file, const char* what,
                            const std::function<bool(const model::Model&)>& is_such) {
    std::error_code none;
    if (!std::filesystem::is_regular_file(file, none) || holds_model(file, is_such)) return;
    throw Error(ErrorKind::usage,
                fmt::format("{} is there and is not {}: choose another file with --out, or replace it "
                            "with --overwrite",
                            text::quote(text::to_utf8(file.native())), what));
}

}  // namespace locus::command
