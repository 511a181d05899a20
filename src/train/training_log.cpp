#include "train/training_log.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "text/csv_field.hpp"

namespace locus::train {

std::string describe(const EpochRecord& r, int epochs) {
    std::string line = fmt::format("epoch {}/{} ({} px): training loss {:.4f}, {:.1f} % right", r.epoch, epochs, r.size,
                                   r.train_loss, 100 * r.train_top1);
    if (r.loss)
        line += fmt::format("; validation loss {:.4f}, top-1 {:.2f} %, top-5 {:.2f} %", *r.loss, 100 * *r.top1,
                            100 * *r.top5);
    if (r.localization) line += fmt::format(", GT-known localization {:.2f} %", 100 * *r.localization);
    return line +
           fmt::format("; {:.0f} s, {:.0f} images/s, waited {:.2f} %", r.seconds, r.images_per_second, 100 * r.waited);
}

void write_log(const std::vector<EpochRecord>& history, const std::filesystem::path& file) {
    const auto field = [](const std::optional<double>& value) {
        return value ? fmt::format("{:.6g}", *value) : std::string();
    };
    std::string text =
        "epoch,size,learning_rate,train_loss,train_top1,loss,top1,top5,localization,seconds,images_per_second,waited\n";
    for (const EpochRecord& r : history) {
        text += fmt::format("{},{},{:.6g},{:.6g},{:.6g},{},{},{},{},{:.3f},{:.1f},{:.5f}\n", r.epoch, r.size,
                            r.learning_rate, r.train_loss, r.train_top1, field(r.loss), field(r.top1), field(r.top5),
                            field(r.localization), r.seconds, r.images_per_second, r.waited);
    }
    files::write_file_atomically(file, text);
}

std::string describe(const ValidationResult& r) {
    std::string line = fmt::format("In ONNX Runtime, on {} photos: loss {:.4f}, top-1 {:.2f} %, top-5 {:.2f} %",
                                   r.images, r.loss, 100 * r.top1, 100 * r.top5);
    if (r.localization) {
        const auto best = std::max_element(r.localization_at.begin(), r.localization_at.end());
        line +=
            fmt::format("; GT-known localization {:.2f} % at 20 % of the map, {:.2f} % at the best threshold, {:.0f} %",
                        100 * *r.localization, 100 * *best,
                        100 * validation_threshold(static_cast<std::size_t>(best - r.localization_at.begin())));
    }
    return line + ".";
}

void write_validation(const ValidationResult& r, const std::vector<std::string>& classes,
                      const std::filesystem::path& folder) {
    std::string csv = "class,images,right,top1\n";
    for (std::size_t c = 0; c < r.class_images.size() && c < classes.size(); ++c) {
        const double share =
            r.class_images[c] ? static_cast<double>(r.class_right[c]) / static_cast<double>(r.class_images[c]) : 0;
        csv +=
            fmt::format("{},{},{},{:.4f}\n", text::csv_field(classes[c]), r.class_images[c], r.class_right[c], share);
    }
    files::write_file_atomically(folder / "classes.csv", csv);
    if (!r.localization) return;
    csv = "threshold,localization\n";
    for (std::size_t i = 0; i < threshold_count; ++i)
        csv += fmt::format("{:.2f},{:.4f}\n", validation_threshold(i), r.localization_at[i]);
    files::write_file_atomically(folder / "localization.csv", csv);
}

nlohmann::json to_json(const std::vector<EpochRecord>& history) {
    nlohmann::json list = nlohmann::json::array();
    const auto field = [](const std::optional<double>& value) {
        return value ? nlohmann::json(*value) : nlohmann::json();
    };
    for (const EpochRecord& r : history) {
        list.push_back({{"epoch", r.epoch},
                        {"size", r.size},
                        {"learning_rate", r.learning_rate},
                        {"train_loss", r.train_loss},
                        {"train_top1", r.train_top1},
                        {"loss", field(r.loss)},
                        {"top1", field(r.top1)},
                        {"top5", field(r.top5)},
                        {"localization", field(r.localization)},
                        {"seconds", r.seconds},
                        {"images_per_second", r.images_per_second},
                        {"waited", r.waited}});
    }
    return list;
}

std::vector<EpochRecord> records_from_json(const nlohmann::json& json) {
    std::vector<EpochRecord> history;
    const auto field = [](const nlohmann::json& value) -> std::optional<double> {
        if (value.is_null()) return std::nullopt;
        return value.get<double>();
    };
    for (const auto& r : json) {
        history.push_back({r.at("epoch"), r.at("size"), r.at("learning_rate"), r.at("train_loss"), r.at("train_top1"),
                           field(r.at("loss")), field(r.at("top1")), field(r.at("top5")), field(r.at("localization")),
                           r.at("seconds"), r.at("images_per_second"), r.at("waited")});
    }
    return history;
}

}  // namespace locus::train
