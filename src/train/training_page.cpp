#include "train/training_page.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

namespace locus::train {

namespace {

struct Curve {
    std::string name, color;
    std::function<std::optional<double>(const EpochRecord&)> value;
};

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\'')
            out += "&#39;";
        else
            out += c;
    }
    return out;
}

/// A step of 1, 2 or 5 times a power of ten that cuts `range` into some five parts.
double step_of(double range) {
    const double raw = range / 5, power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (raw <= factor * power) return factor * power;
    }
    return 10 * power;
}

std::string chart(const std::vector<EpochRecord>& history, int epochs, const std::string& title,
                  const std::vector<Curve>& curves) {
    constexpr double width = 560, height = 280, left = 56, right = 16, top = 16, bottom = 36;
    double low = 1e300, high = -1e300;
    for (const EpochRecord& r : history) {
        for (const Curve& curve : curves) {
            if (const auto v = curve.value(r)) {
                low = std::min(low, *v);
                high = std::max(high, *v);
            }
        }
    }
    if (low > high) return {};
    const double step = step_of(std::max(high - low, 1e-9 + std::abs(high) * 1e-3));
    low = std::floor(low / step) * step;
    high = std::max(low + step, std::ceil(high / step) * step);
    const auto x = [&](double epoch) {
        return left + (width - left - right) * (epochs > 1 ? (epoch - 1) / (epochs - 1) : 0.5);
    };
    const auto y = [&](double v) { return height - bottom - (height - top - bottom) * (v - low) / (high - low); };
    std::string svg =
        fmt::format("<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
                    title, width, height, title);
    for (double tick = low; tick <= high + step / 2; tick += step) {
        svg += fmt::format(
            "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text x=\"{}\" y=\"{:.1f}\" class=\"y\">{:.4g}</text>\n", left,
            y(tick), width - right, left - 6, y(tick) + 4, tick);
    }
    const int every = std::max(1, (epochs + 9) / 10);
    for (int epoch = 1; epoch <= epochs; epoch += every) {
        svg +=
            fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"x\">{}</text>\n", x(epoch), height - bottom + 18, epoch);
    }
    double key = left + 8;
    for (const Curve& curve : curves) {
        std::string path, dots;
        for (const EpochRecord& r : history) {
            const auto v = curve.value(r);
            if (!v) continue;
            path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(r.epoch), y(*v));
            dots += fmt::format(
                "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>epoch {}: {:.4g}</title></circle>",
                x(r.epoch), y(*v), curve.color, r.epoch, *v);
        }
        if (path.empty()) continue;
        svg +=
            fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>{}\n", path, curve.color, dots);
        svg += fmt::format("<text x=\"{:.0f}\" y=\"{}\" fill=\"{}\">{}</text>\n", key, height - 4, curve.color,
                           curve.name);
        key += 14 + 7.2 * static_cast<double>(curve.name.size());
    }
    return svg + "</svg></figure>\n";
}

}  // namespace

std::string training_page(const std::vector<EpochRecord>& history, int epochs, const std::string& title) {
    const auto percent = [](const std::optional<double>& v) {
        return v ? std::optional<double>(100 * *v) : std::nullopt;
    };
    std::string page = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Training of {0}</title>\n"
        "<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}}"
        "main{{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:1rem}}figure{{margin:0}}"
        "svg{{width:100%;font-size:12px}}.grid{{stroke:#8884}}.y{{text-anchor:end;fill:currentColor}}.x{{text-anchor:"
        "middle;fill:currentColor}}"
        "table{{border-collapse:collapse;margin-top:1rem}}td,th{{padding:.15rem .6rem;text-align:right}}"
        "@media(prefers-color-scheme:dark){{body{{background:#16181c;color:#ddd}}}}</style>\n<h1>Training of "
        "{0}</h1>\n<main>\n",
        escaped(title));
    page += chart(history, epochs, "Loss by epoch",
                  {{"training", "#d1495b", [](const EpochRecord& r) { return std::optional<double>(r.train_loss); }},
                   {"validation", "#2e86ab", [](const EpochRecord& r) { return r.loss; }}});
    page += chart(
        history, epochs, "Accuracy by epoch, %",
        {{"training top-1", "#d1495b", [](const EpochRecord& r) { return std::optional<double>(100 * r.train_top1); }},
         {"validation top-1", "#2e86ab", [&](const EpochRecord& r) { return percent(r.top1); }},
         {"validation top-5", "#3a9d5d", [&](const EpochRecord& r) { return percent(r.top5); }}});
    page += chart(history, epochs, "GT-known localization by epoch, % (boxes are measured, never trained on)",
                  {{"box at 20 % of the map, IoU 0.5", "#2e86ab",
                    [&](const EpochRecord& r) { return percent(r.localization); }}});
    page += chart(
        history, epochs, "Images a second",
        {{"images/s", "#8a5a9e", [](const EpochRecord& r) { return std::optional<double>(r.images_per_second); }}});
    page +=
        "</main>\n<table><tr><th>epoch<th>pixels<th>learning rate<th>training loss<th>training "
        "top-1<th>loss<th>top-1<th>top-5<th>localization<th>"
        "seconds<th>waited for data</tr>\n";
    const auto cell = [](const std::optional<double>& v, double factor, const char* unit) {
        return v ? fmt::format("<td>{:.2f}{}", factor * *v, unit) : std::string("<td>");
    };
    for (const EpochRecord& r : history) {
        page += fmt::format("<tr><td>{}<td>{}<td>{:.4f}<td>{:.4f}<td>{:.2f} %{}{}{}{}<td>{:.0f}<td>{:.2f} %</tr>\n",
                            r.epoch, r.size, r.learning_rate, r.train_loss, 100 * r.train_top1, cell(r.loss, 1, ""),
                            cell(r.top1, 100, " %"), cell(r.top5, 100, " %"), cell(r.localization, 100, " %"),
                            r.seconds, 100 * r.waited);
    }
    return page + "</table>\n</html>\n";
}

}  // namespace locus::train
