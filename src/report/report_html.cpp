#include "report/report_html.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>

#include "locus/overlay.hpp"
#include "report/report_page.hpp"
#include "report/results_json.hpp"
#include "text/base64.hpp"

namespace locus::report {
namespace {

constexpr std::size_t failures_listed = 1000;

// JSON for a <script> element: there, `<` begins what could end the element; in JSON it occurs in strings alone.
std::string escaped(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    for (const char c : json)
        if (c == '<')
            text += "\\u003c";
        else
            text += c;
    return text;
}

// page.html with a line `@name@` where a part belongs.
struct PageParts {
    std::string_view before_style, before_data, before_script, after_script;
};

PageParts page_parts() {
    const auto split = [](std::string_view& rest, std::string_view mark) {
        const std::size_t at = rest.find(mark);
        const std::string_view before = rest.substr(0, at);
        rest.remove_prefix(at + mark.size());
        return before;
    };
    std::string_view rest = page_html;
    PageParts parts;
    parts.before_style = split(rest, "@style@");
    parts.before_data = split(rest, "@data@");
    parts.before_script = split(rest, "@script@");
    parts.after_script = rest;
    return parts;
}

// The library's own colour maps, so that the page and the overlays agree.
nlohmann::ordered_json colormaps() {
    auto maps = nlohmann::ordered_json::object();
    for (const std::string& name : colormap_names())
        maps[name] = text::base64(std::as_bytes(std::span(colormap(name))));
    return maps;
}

}  // namespace

PreviewPlan preview_plan(std::size_t inputs) {
    if (inputs <= 500) return {512, inputs};
    return {256, inputs <= 2000 ? inputs : 2000};
}

std::string report_maps(const ImageRecord& image) {
    std::string list = "[";
    for (const ExplanationRecord& record : image.explanations) {
        if (list.size() > 1) list += ',';
        list += '"' + text::base64(std::as_bytes(std::span(record.explanation.map.values))) + '"';
    }
    return list + ']';
}

ReportWriter::ReportWriter(const std::filesystem::path& path) : file_(path) {
    const PageParts parts = page_parts();
    write(parts.before_style);
    write(page_css);
    write(parts.before_data);
}

void ReportWriter::write(std::string_view text) {
    file_.write(text);
    size_ += text.size();
}

void ReportWriter::image(std::string_view image, std::string_view maps, std::string_view preview) {
    // What was left out once stays so: the page shows the first images, not those that happen to be small.
    if (hidden_ > 0 || size_ + image.size() + maps.size() + preview.size() > size_limit) return hidden_image();
    ++shown_;
    write("<script type=\"application/json\" class=\"image\">{\"image\":");
    write(escaped(image));
    write(",\"maps\":");
    write(maps);
    write("}</script><script type=\"text/plain\" class=\"preview\">");
    write(preview);
    write("</script>\n");
}

void ReportWriter::failure(std::string_view failure) {
    if (++failures_ > failures_listed) return;
    write("<script type=\"application/json\" class=\"failure\">");
    write(escaped(failure));
    write("</script>\n");
}

void ReportWriter::commit(const RunRecord& run, bool unfinished) {
    const nlohmann::ordered_json counts{
        {"shown", shown_}, {"images", shown_ + hidden_}, {"failures", failures_}, {"unfinished", unfinished}};
    write("<script type=\"application/json\" id=\"run\">");
    const nlohmann::ordered_json view{{"colormap", run.colormap}, {"opacity", run.opacity}};
    write(escaped(fmt::format(R"({{"run":{},"view":{},"counts":{},"colormaps":{},"diverging":["{}"]}})", run_json(run),
                              view.dump(), counts.dump(), colormaps().dump(), diverging_colormap)));
    write("</script>\n");
    const PageParts parts = page_parts();
    write(parts.before_script);
    write("\"use strict\";\n");
    for (const std::string_view script : {boxes_js, heat_js, list_js, inspector_js, page_js}) write(script);
    write(parts.after_script);
    file_.commit();
}

}  // namespace locus::report
