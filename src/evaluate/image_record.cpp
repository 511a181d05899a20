#include "evaluate/image_record.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::evaluate {
namespace {

using nlohmann::json;

/// A bit for each level as 64 hexadecimal digits, level 0 in the last.
std::string to_hex(const std::bitset<256>& bits) {
    std::string text(64, '0');
    for (std::size_t digit = 0; digit < 64; ++digit) {
        unsigned value = 0;
        for (std::size_t k = 0; k < 4; ++k) value |= static_cast<unsigned>(bits[digit * 4 + k]) << k;
        text[63 - digit] = "0123456789abcdef"[value];
    }
    return text;
}

std::bitset<256> from_hex(const std::string& text) {
    std::bitset<256> bits;
    if (text.size() != 64) throw std::invalid_argument("a set of levels has 64 digits");
    for (std::size_t digit = 0; digit < 64; ++digit) {
        const char c = text[63 - digit];
        const unsigned value = c >= 'a' ? static_cast<unsigned>(c - 'a') + 10 : static_cast<unsigned>(c - '0');
        if (value > 15) throw std::invalid_argument("a digit is 0 to f");
        for (std::size_t k = 0; k < 4; ++k) bits[digit * 4 + k] = ((value >> k) & 1U) != 0;
    }
    return bits;
}

json to_value(const ImageScores& scores) {
    json value{{"values", scores.values}};
    if (scores.hits) {
        const BoxHits& hits = *scores.hits;
        value["hits"] = {hits.maximum, to_hex(hits.largest), to_hex(hits.any[0]), to_hex(hits.any[1]),
                         to_hex(hits.any[2])};
    }
    if (!scores.pixels.empty()) {
        json bins = json::array();
        for (const PixelBin& bin : scores.pixels) bins.insert(bins.end(), {bin.bin, bin.object, bin.background});
        value["pixels"] = std::move(bins);
    }
    if (!scores.insertion.empty()) value["insertion"] = scores.insertion;
    if (!scores.deletion.empty()) value["deletion"] = scores.deletion;
    if (!scores.map_is_finite) value["finite"] = false;
    if (scores.preview)
        value["preview"] = {
            {"width", scores.preview->width}, {"height", scores.preview->height}, {"values", scores.preview->values}};
    return value;
}

ImageScores from_value(const json& value) {
    ImageScores scores;
    scores.values = value.at("values").get<std::map<std::string, double>>();
    scores.map_is_finite = value.value("finite", true);
    if (value.contains("hits")) {
        const json& list = value["hits"];
        BoxHits& hits = scores.hits.emplace();
        hits.maximum = list.at(0);
        hits.largest = from_hex(list.at(1));
        for (std::size_t d = 0; d < 3; ++d) hits.any[d] = from_hex(list.at(2 + d));
    }
    if (value.contains("pixels")) {
        const auto bins = value["pixels"].get<std::vector<std::uint32_t>>();
        for (std::size_t i = 0; i + 2 < bins.size(); i += 3)
            scores.pixels.push_back({bins[i], bins[i + 1], bins[i + 2]});
    }
    if (value.contains("insertion")) scores.insertion = value["insertion"].get<std::vector<double>>();
    if (value.contains("deletion")) scores.deletion = value["deletion"].get<std::vector<double>>();
    if (value.contains("preview")) {
        const json& map = value["preview"];
        scores.preview = Preview{map.at("width"), map.at("height"), map.at("values").get<std::vector<std::uint8_t>>()};
        if (scores.preview->values.size() !=
            static_cast<std::size_t>(scores.preview->width) * static_cast<std::size_t>(scores.preview->height))
            throw std::invalid_argument("a preview has a value for each of its positions");
    }
    return scores;
}

}  // namespace

std::string to_json(const ImageRecord& record) {
    json value{{"index", record.index},
               {"name", text::to_utf8(record.name)},
               {"label", text::to_utf8(record.label)},
               {"class", text::to_utf8(record.class_key)}};
    if (!record.error.empty()) value["error"] = text::to_utf8(record.error);
    if (!record.remarks.empty()) {
        value["remarks"] = json::array();
        for (const std::string& remark : record.remarks) value["remarks"].push_back(text::to_utf8(remark));
    }
    value["rows"] = json::array();
    for (const ImageScores& scores : record.rows) value["rows"].push_back(to_value(scores));
    return value.dump();
}

ImageRecord record_from_json(const std::string& line) {
    try {
        const json value = json::parse(line);
        ImageRecord record;
        record.index = value.at("index");
        record.name = value.at("name");
        record.label = value.at("label");
        record.class_key = value.at("class");
        record.error = value.value("error", "");
        record.remarks = value.value("remarks", std::vector<std::string>{});
        for (const json& scores : value.at("rows")) record.rows.push_back(from_value(scores));
        return record;
    } catch (const std::exception& error) {
        throw Error(ErrorKind::io, fmt::format("a line of records is broken: {} ({})", text::quote(line, 60),
                                               text::quote(error.what(), 120)));
    }
}

}  // namespace locus::evaluate
