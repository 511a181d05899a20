#include "evaluate/pages/sanity_page.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "image/text.hpp"
#include "locus/image.hpp"
#include "locus/overlay.hpp"
#include "report/chart.hpp"
#include "report/json_number.hpp"
#include "text/base64.hpp"
#include "text/html.hpp"
#include "text/utf8.hpp"

namespace locus::evaluate {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* style = R"(:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } p { max-width: 45rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #8884 }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left } tr.flagged td:last-child { font-weight: 700 }
@media (max-width: 30rem) { th, td { padding: .3rem .35rem; font-size: .8rem } th:first-child, td:first-child { padding-left: 0 } }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem }
img { display: block } small { color: #777 } p, li { overflow-wrap: anywhere }
)";

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.2f}", value) : "–"; }

std::string class_name(const SanityDescription& description, int index) {
    const auto at = static_cast<std::size_t>(index);
    return at < description.labels.size() ? text::to_utf8(description.labels[at]) : fmt::format("class {}", index);
}

/// What a verdict means, for people.
std::string_view meaning(SanityVerdict verdict) {
    switch (verdict) {
        case SanityVerdict::follows:
            return "follows";
        case SanityVerdict::ignores_scores:
            return "ignores the scores: the same map whatever the layers behind it do";
        case SanityVerdict::ignores_weights:
            return "ignores the weights: a random network's map still resembles it";
        case SanityVerdict::undecided:
            return "undecided: no map of the first or the last step was finite, so there was nothing to compare";
    }
    return {};
}

std::string table(const SanityResult& result) {
    std::string html =
        "<div class=\"scroll\"><table><thead><tr><th>method</th><th>first step</th><th>half of the steps</th><th>all "
        "layers</th><th></th></tr></thead><tbody>";
    for (const MethodSanity& method : result.methods) {
        const auto& curve = method.rank_correlation;
        const bool flagged = method.verdict != SanityVerdict::follows;
        html += fmt::format("<tr{}><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                            flagged ? " class=\"flagged\"" : "", text::to_html(method.method),
                            number(mean_of(curve[1])), number(mean_of(curve[curve.size() / 2])),
                            number(mean_of(curve.back())), meaning(method.verdict));
    }
    return html + "</tbody></table></div>\n";
}

std::string chart(const SanityResult& result, const char* title, const char* label, double least,
                  std::vector<std::vector<double>> MethodSanity::*values) {
    report::Chart chart{title, "share of layers made random, from the scores down", label, 0, 1, least, 1};
    for (const MethodSanity& method : result.methods) {
        const bool flagged = method.verdict != SanityVerdict::follows;
        report::ChartLine line{method.method + (flagged ? fmt::format(" ({})", name(method.verdict)) : ""), {}, {}};
        line.reference = method.method == "random";
        for (std::size_t step = 0; step < result.steps.size(); ++step) {
            line.x.push_back(result.steps[step].share);
            line.y.push_back(std::max(mean_of((method.*values)[step]), least));
        }
        chart.lines.push_back(std::move(line));
    }
    return report::figure_of(chart);
}

Json numbers(const std::vector<double>& values) {
    Json list = Json::array();
    for (const double value : values) list.push_back(report::json_number(value));
    return list;
}

}  // namespace

std::string sanity_json(const SanityResult& result, const std::vector<SanityImage>& images,
                        const SanityDescription& description) {
    Json json{{"locus", description.version}, {"model", text::to_utf8(description.model)}, {"seed", description.seed}};
    json["images"] = Json::array();
    for (std::size_t i = 0; i < images.size(); ++i)
        json["images"].push_back({{"file", text::to_utf8(images[i].name)},
                                  {"class", result.classes[i]},
                                  {"picture", text::to_utf8(images[i].file)}});
    json["steps"] = Json::array();
    for (const SanityStep& step : result.steps) {
        Json layers = Json::array();
        for (const std::string& layer : step.layers) layers.push_back(text::to_utf8(layer));
        json["steps"].push_back({{"share", report::json_number(step.share)}, {"randomised", std::move(layers)}});
    }
    json["methods"] = Json::array();
    for (const MethodSanity& method : result.methods) {
        Json steps = Json::array();
        for (std::size_t step = 0; step < result.steps.size(); ++step) {
            steps.push_back(
                {{"rank_correlation", report::json_number(mean_of(method.rank_correlation[step]))},
                 {"structural_similarity", report::json_number(mean_of(method.structural_similarity[step]))},
                 {"rank_correlations", numbers(method.rank_correlation[step])},
                 {"structural_similarities", numbers(method.structural_similarity[step])}});
        }
        json["methods"].push_back({{"method", method.method},
                                   {"layer", text::to_utf8(method.layer)},
                                   {"verdict", std::string(name(method.verdict))},
                                   {"steps", std::move(steps)}});
    }
    return json.dump(2) + "\n";
}

Image sanity_picture(const SanityResult& result, const SanityImage& image, std::size_t index) {
    constexpr int gap = 6, head = 22, label = 150, capitals = 10;
    const int width = image.picture.width, height = image.picture.height;
    const int columns = static_cast<int>(result.steps.size()), rows = static_cast<int>(result.methods.size());
    Image canvas;
    canvas.width = label + columns * (width + gap);
    canvas.height = head + rows * (height + gap);
    canvas.rgb.assign(static_cast<std::size_t>(canvas.width) * static_cast<std::size_t>(canvas.height) * 3, 255);
    for (int column = 0; column < columns; ++column) {
        const double share = result.steps[static_cast<std::size_t>(column)].share;
        const std::string words = column == 0 ? "trained" : fmt::format("{:.0f} % random", 100 * share);
        image::draw_text(canvas, image::render_text_within(words, capitals, width), label + column * (width + gap), 5,
                         {40, 40, 40});
    }
    for (int row = 0; row < rows; ++row) {
        const MethodSanity& method = result.methods[static_cast<std::size_t>(row)];
        const int top = head + row * (height + gap);
        image::draw_text(canvas, image::render_text_within(method.method, capitals, label - gap), 4,
                         top + height / 2 - capitals, {40, 40, 40});
        for (int column = 0; column < columns; ++column) {
            const Image tile = overlay_raw(image.picture, method.shown[static_cast<std::size_t>(column)][index],
                                           image.region, {}, {.legend = false, .draw_boxes = false});
            const int left = label + column * (width + gap);
            for (int y = 0; y < height; ++y) {
                const auto* from = tile.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
                std::copy_n(
                    from, static_cast<std::size_t>(width) * 3,
                    canvas.rgb.data() + (static_cast<std::size_t>(top + y) * static_cast<std::size_t>(canvas.width) +
                                         static_cast<std::size_t>(left)) *
                                            3);
            }
        }
    }
    return canvas;
}

std::string sanity_page(const SanityResult& result, const std::vector<SanityImage>& images,
                        const SanityDescription& description) {
    std::string html = report::page_head("Locus: sanity check", style);
    html += fmt::format(
        "<body><h1>Do the maps follow the weights?</h1><p>The weights of {} were shuffled layer by layer, from "
        "the scores down, each step on top of those before. A map that shows what the network has learned must lose "
        "its likeness to the map of the trained network; one that keeps it shows the image alone (Adebayo et al. "
        "2018). {} image{}, seed {}. Locus {}.</p>",
        text::to_html(text::to_utf8(description.model)), images.size(), images.size() == 1 ? "" : "s", description.seed,
        text::to_html(description.version));
    html += "<p>Mean rank correlation (Spearman) of raw maps with those of the trained network:</p>";
    html += table(result);
    html += fmt::format(
        "<p><small>A map counts as still resembling from a mean of {} on, as unchanged from {} on.</small></p>",
        resembling, unchanged);
    html += "<h2>Curves</h2><div class=\"figures\">";
    html += chart(result, "Rank correlation of raw maps", "Spearman", -1, &MethodSanity::rank_correlation);
    html += chart(result, "Structural similarity of shown maps", "SSIM", 0, &MethodSanity::structural_similarity);
    html += "</div>\n<h2>Maps</h2>";
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto bytes = encode_jpeg(sanity_picture(result, images[i], i), 85);
        html += fmt::format(
            "<p>{} <small>{}</small></p><div class=\"scroll\"><img alt=\"Maps of {} by method and step\" "
            "src=\"data:image/jpeg;base64,{}\"></div>\n",
            text::to_html(text::to_utf8(images[i].name)), text::to_html(class_name(description, result.classes[i])),
            text::to_html(text::to_utf8(images[i].name)), text::base64(bytes));
    }
    html += "<h2>Steps</h2><ol>";
    for (std::size_t step = 1; step < result.steps.size(); ++step) {
        const auto& layers = result.steps[step].layers;
        html += fmt::format(
            "<li>{}{}</li>", text::to_html(text::to_utf8(layers.front())),
            layers.size() == 1
                ? ""
                : fmt::format(" … {} ({} layers)", text::to_html(text::to_utf8(layers.back())), layers.size()));
    }
    return html + "</ol></body></html>\n";
}

}  // namespace locus::evaluate
