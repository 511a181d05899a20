#pragma once

/// The files of report_page/, embedded at build time by cmake/EmbedFiles.cmake.

#include <string_view>

namespace locus::report {

extern const std::string_view page_html;
extern const std::string_view page_css;

/// The script, in the order in which it runs.
extern const std::string_view boxes_js;
extern const std::string_view heat_js;
extern const std::string_view list_js;
extern const std::string_view inspector_js;
extern const std::string_view page_js;

}  // namespace locus::report
