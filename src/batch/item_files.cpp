#include "batch/item_files.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "files/atomic_file.hpp"
#include "files/npy.hpp"
#include "image/annotation.hpp"
#include "image/decomposition.hpp"
#include "image/overlay_raw.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"

namespace locus::batch {
namespace {

constexpr int jpeg_quality = 90;

std::string caption(const Explanation& e) {
    std::string name = image::class_name_in_picture(e);
    if (std::isdigit(static_cast<unsigned char>(name.back())) != 0) name += ',';  // "class 1, 91 %"
    return e.probability ? fmt::format("{} {:.0f} %", name, 100.0 * *e.probability)
                         : fmt::format("{} {:.4g}", name, e.score);
}

class ItemWriter {
public:
    ItemWriter(const RunOptions& options, const InputItem& item, Source& source, bool several_methods)
        : options_(options), item_(item), source_(source), several_methods_(several_methods) {}

    /// The last explanation's overlay is drawn on the picture itself.
    report::ExplanationRecord write(Explanation explanation, bool alone, bool is_last) const {
        report::ExplanationRecord record;
        record.method = explanation.method;
        record.layer = explanation.layer;
        const auto& values = explanation.map.values;
        const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
        record.map_min = *least;
        record.map_max = *greatest;
        const Map map = explanation.evidence();
        record.boxes = boxes_from_raw(map, source_.width, source_.height, source_.region, options_.boxes);
        std::string stem = alone ? item_.stem : fmt::format("{}.{}", item_.stem, explanation.class_index);
        if (several_methods_) stem += '.' + explanation.method;

        const Saves& save = options_.save;
        if (save.map) record.map_file = put("maps", stem, ".npy", files::npy_bytes(explanation.map));
        OverlayOptions overlay = options_.overlay;
        overlay.label = caption(explanation);
        if (several_methods_) overlay.label += ", " + explanation.method;
        if (save.heatmap) {
            record.heatmap_file =
                put_png("heatmaps", stem, heatmap_raw(map, source_.width, source_.height, source_.region, overlay));
        }
        if (save.mask) {
            const Map full = upsample(map, source_.width, source_.height, source_.region);
            record.mask_file = put_png("masks", stem, mask(full, options_.boxes.threshold));
        }
        if (!explanation.parts.empty()) {
            record.decomposition_file =
                put_png("decompositions", stem, decomposition(source_.picture, explanation, source_.region, overlay));
        }
        if (save.overlay) {
            Image picture = is_last ? std::move(source_.picture) : source_.picture;
            draw_overlay_raw(picture, map, source_.region, record.boxes, overlay);
            record.overlay_file = put_jpeg("overlays", stem, picture);
        }
        record.explanation = std::move(explanation);
        return record;
    }

private:
    /// Writes OUT/folder/stem.ending and returns the path relative to OUT.
    template <class Bytes>
    std::string put(const char* folder, const std::string& stem, const char* ending, const Bytes& bytes) const {
        std::string relative = fmt::format("{}/{}{}", folder, stem, ending);
        files::write_file_atomically(options_.out / relative, bytes);
        return relative;
    }
    std::string put_jpeg(const char* folder, const std::string& stem, const Image& picture) const {
        const auto bytes = encode_jpeg(picture, jpeg_quality);
        return put(folder, stem, ".jpg", std::span<const std::byte>(bytes));
    }
    std::string put_png(const char* folder, const std::string& stem, const Image& picture) const {
        const auto bytes = encode_png(picture);
        return put(folder, stem, ".png", std::span<const std::byte>(bytes));
    }

    const RunOptions& options_;
    const InputItem& item_;
    Source& source_;
    bool several_methods_;
};

}  // namespace

report::ImageRecord write_item_files(const RunOptions& options, const InputItem& item, Source source,
                                     std::vector<Explanation> explanations, const Explainer& explainer) {
    report::ImageRecord record{.file = item.name,
                               .width = source.width,
                               .height = source.height,
                               .region = source.region,
                               .warning = source.warning};
    const std::size_t methods = explainer.methods().size();
    const ItemWriter writer(options, item, source, methods > 1);
    const bool alone = options.classes.size() == 1 && explanations.size() == methods &&
                       (options.classes.front() == "top:1" || !options.classes.front().starts_with("top:"));
    for (std::size_t i = 0; i < explanations.size(); ++i) {
        const bool is_last = i + 1 == explanations.size();
        record.explanations.push_back(writer.write(std::move(explanations[i]), alone, is_last));
    }
    return record;
}

}  // namespace locus::batch
