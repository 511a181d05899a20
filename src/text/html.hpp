#pragma once

/// Text as HTML shows it.
///
///     text::to_html("<b> & \"co\"");    // "&lt;b&gt; &amp; &quot;co&quot;"

#include <string>
#include <string_view>

namespace locus::text {

/// &, <, > and both quotes as entities, fit for elements and for quoted attributes. Bytes that are no UTF-8 stay:
/// to_utf8 comes first.
std::string to_html(std::string_view text);

}  // namespace locus::text
