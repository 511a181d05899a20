#pragma once

/// The files of web_page/, embedded at build time by cmake/EmbedFiles.cmake.

#include <string_view>

namespace locus::deploy {

extern const std::string_view index_html;
extern const std::string_view web_css;
extern const std::string_view preprocess_js;
extern const std::string_view network_js;
extern const std::string_view worker_js;
extern const std::string_view web_js;

}  // namespace locus::deploy
