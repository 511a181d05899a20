#include "evaluate/model_run.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <memory>
#include <new>

#include <fmt/core.h>

#include "evaluate/model_names.hpp"
#include "evaluate/pages/picture.hpp"
#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {

namespace {

/// Why the scores under these rows cannot be kept; "" where they can.
std::string fault_of(const std::vector<ImageScores>& scores, const std::vector<RowName>& rows) {
    for (std::size_t r = 0; r < scores.size(); ++r) {
        for (const auto& [metric, value] : scores[r].values) {
            if (std::isfinite(value)) continue;
            return fmt::format("its {} by {} {} is not a number: the network's scores are none", metric, rows[r].model,
                               rows[r].method);
        }
    }
    return {};
}

/// As `remarks_on`, of a picture of 16 bits whose samples are not of so many.
std::string bits_remark(int given) {
    return given == 0
               ? "uses few of its 16 bits a sample and is seen nearly black: --bits says how many it has"
               : fmt::format("has values of more than the {} bits that --bits says: those are seen as white", given);
}

/// The images, each of one class. Throws Error(usage) where one has none or several.
dataset::SampleList samples_of_one_class(const std::vector<std::filesystem::path>& data,
                                         const ModelRunOptions& options) {
    dataset::ListOptions list;
    if (!options.classes.empty()) list.classes = dataset::read_class_list(options.classes);
    std::optional<dataset::LabelTable> labels;
    if (!options.truth.empty()) list.labels = &labels.emplace(dataset::read_label_table(options.truth));
    dataset::SampleList samples = dataset::list_samples(data, list);
    const auto odd =
        std::ranges::find_if(samples.samples, [](const auto& sample) { return sample.labels.size() != 1; });
    if (odd != samples.samples.end()) {
        throw Error(ErrorKind::usage, fmt::format("{} has {} classes: metrics are of images that have one each",
                                                  text::quote(odd->name), odd->labels.size()));
    }
    return samples;
}

/// Throws Error(unsupported) for a network that no photo can be fed to.
void require_photos(const ModelScorer& scorer, const std::filesystem::path& model) {
    if (scorer.preprocessing().color != ColorOrder::other) return;
    throw Error(ErrorKind::unsupported,
                fmt::format("{} takes {} channels, which no photo has: networks are measured on photos",
                            text::quote(model.string()), locus::channels(scorer.preprocessing())));
}

/// What is to be known of a model on these data. Throws Error(usage) where none of their classes is one of its.
std::vector<std::string> remarks_on(const ModelScorer& scorer, const std::filesystem::path& model,
                                    const dataset::ClassList& classes, const ClassMatch& match) {
    std::vector<std::string> remarks;
    const std::string name = model.filename().string();
    for (const std::string& warning : scorer.warnings()) remarks.push_back(fmt::format("{}: {}", name, warning));
    const auto labels = static_cast<std::int64_t>(scorer.labels().size());
    if (labels != 0 && labels != scorer.classes()) {
        remarks.push_back(fmt::format("{}: its {} labels are not one for each of its {} classes and are not used", name,
                                      labels, scorer.classes()));
    }
    std::string strangers;
    std::size_t count = 0;
    for (std::size_t i = 0; i < match.outputs.size(); ++i) {
        if (match.outputs[i]) continue;
        if (count++ < 5) strangers += (strangers.empty() ? "" : ", ") + text::quote(classes.entries[i].name);
    }
    if (count == match.outputs.size()) {
        throw Error(ErrorKind::usage, fmt::format("none of the data's {} classes is a class of {}: the network's "
                                                  "labels must name them (--classes names the data's)",
                                                  match.outputs.size(), text::quote(model.string())));
    }
    remarks.push_back(fmt::format("{}: {} of the data's {} classes found {}{}", name, match.outputs.size() - count,
                                  match.outputs.size(), match.how,
                                  count == 0 ? "" : ", images of the others left out: " + strangers));
    return remarks;
}

/// What is to be known of boxes and masks that are of no image, or of several.
std::vector<std::string> remarks_on(const TruthList& truths, const std::vector<dataset::Sample>& samples) {
    if (truths.all().empty()) return {};
    std::vector<std::string> remarks;
    std::map<const Truth*, std::size_t> images;
    for (const dataset::Sample& sample : samples) {
        if (const Truth* truth = truths.find(sample.name)) ++images[truth];
    }
    if (images.size() < truths.all().size()) {
        remarks.push_back(fmt::format("{} of {} images with boxes or masks are not among the data: left out",
                                      truths.all().size() - images.size(), truths.all().size()));
    }
    const auto shared = std::ranges::find_if(images, [](const auto& entry) { return entry.second > 1; });
    if (shared != images.end()) {
        remarks.push_back(
            fmt::format("the boxes or the mask of {} are taken for {} images of that name in several "
                        "folders or with several endings: name those as well",
                        text::quote(shared->first->name), shared->second));
    }
    return remarks;
}

}  // namespace

/// An image between being read and being scored.
struct ModelRun::Prepared {
    std::size_t place = 0;                             ///< in the records of the call
    std::vector<std::shared_ptr<const Image>> images;  ///< of each feed
    bool fits_its_bits = true;                         ///< no sample tells that there are fewer or more
    bool has_16_bits = false;                          ///< as image::Photo has it
    ImageTruth truth;
    std::vector<ImageScores> rows;
};

ModelRun::ModelRun(const std::vector<std::filesystem::path>& models, const std::vector<std::string>& methods,
                   const std::vector<std::filesystem::path>& data, const TruthList& truths,
                   const ModelRunOptions& options)
    : models_(models), truths_(truths), options_(options), baselines_(options.scorer.localization, options.seed) {
    const std::vector<std::string> names = model_names(models);
    data_ = samples_of_one_class(data, options);
    remarks_ = data_.remarks;
    for (const auto& model : models) {
        const ModelScorer& scorer = scorers_.emplace_back(model, methods, options.scorer);
        require_photos(scorer, model);
        feed_with_its_like(scorers_.size() - 1);
        matches_.push_back(match_classes(data_.classes, scorer.labels(), scorer.classes()));
        std::ranges::move(remarks_on(scorer, model, data_.classes, matches_.back()), std::back_inserter(remarks_));
    }
    name_rows(names);
    std::stable_sort(feeds_.begin(), feeds_.end(), [](const Feed& a, const Feed& b) { return a.side < b.side; });
    // An image that one of the models has no class for tells nothing in a comparison.
    std::erase_if(data_.samples, [&](const dataset::Sample& sample) {
        return std::any_of(matches_.begin(), matches_.end(), [&](const ClassMatch& match) {
            return !match.outputs[static_cast<std::size_t>(sample.labels.front())];
        });
    });
    std::ranges::move(remarks_on(truths, data_.samples), std::back_inserter(remarks_));
}

void ModelRun::feed_with_its_like(std::size_t model) {
    const Preprocessing& preprocessing = scorers_[model].preprocessing();
    const auto feed = std::ranges::find(feeds_, preprocessing, &Feed::preprocessing);
    if (feed == feeds_.end())
        feeds_.push_back({preprocessing, image::needed_side(preprocessing), {model}});
    else
        feed->models.push_back(model);
}

void ModelRun::name_rows(const std::vector<std::string>& names) {
    for (std::size_t m = 0; m < scorers_.size(); ++m) {
        const std::vector<std::string>& methods = scorers_[m].methods();
        for (std::size_t k = 0; k < methods.size(); ++k) {
            rows_.push_back({names[m], methods[k], false});
            sources_.push_back({m, k});
        }
    }
    for (const Baseline baseline : baselines()) rows_.push_back({"", evaluate::name(baseline), true});
}

std::vector<Preprocessing> ModelRun::preprocessing() const {
    std::vector<Preprocessing> all;
    for (const ModelScorer& scorer : scorers_) all.push_back(scorer.preprocessing());
    return all;
}

std::optional<Image> ModelRun::picture(std::size_t image, std::size_t row,
                                       const std::optional<Preview>& preview) const {
    if (row >= sources_.size()) return std::nullopt;
    const auto [model, method] = sources_[row];
    const dataset::Sample& sample = data_.samples[image];
    const image::Photo photo = image::decode(
        dataset::read_bytes(sample), sample.name,
        {.reduce_to = image::needed_side(scorers_[model].preprocessing()), .sample_bits = options_.sample_bits});
    const int label = *matches_[model].outputs[static_cast<std::size_t>(sample.labels.front())];
    const Map map = preview ? map_of(*preview) : scorers_[model].map(photo.image, label, method);
    const Truth* truth = truths_.find(sample.name);
    const Region region = visible_region(photo.width, photo.height, scorers_[model].preprocessing());
    return picture_of(photo.image, map, region, truth == nullptr ? std::vector<Box>{} : truth->boxes, photo.width,
                      photo.height, options_.scorer.localization.threshold);
}

void ModelRun::score_group(std::vector<Prepared>& group, int label) const {
    std::vector<const ImageTruth*> truths;
    for (const Prepared& prepared : group) truths.push_back(&prepared.truth);
    std::vector<std::vector<std::vector<ImageScores>>> rows(scorers_.size());  // [model][image][method]
    for (std::size_t f = 0; f < feeds_.size(); ++f) {
        std::vector<const Image*> images;
        for (const Prepared& prepared : group) images.push_back(prepared.images[f].get());
        const Tensor inputs = batch_of(images, feeds_[f].preprocessing);
        for (const std::size_t m : feeds_[f].models)
            rows[m] = scorers_[m].score(inputs, truths, matches_[m].outputs[static_cast<std::size_t>(label)]);
    }
    for (auto& of_model : rows) {
        for (std::size_t i = 0; i < group.size(); ++i)
            std::move(of_model[i].begin(), of_model[i].end(), std::back_inserter(group[i].rows));
    }
}

ModelRun::Prepared ModelRun::read(const dataset::Sample& sample) const {
    const std::vector<std::byte> bytes = dataset::read_bytes(sample);
    Prepared prepared;
    int width = 0, height = 0;
    for (const Feed& feed : feeds_) {
        // One decoded for a smaller side will do where it came whole or is still larger than this one: the reduction is
        // then the same.
        if (!prepared.images.empty()) {
            const Image& last = *prepared.images.back();
            const bool whole = last.width == width && last.height == height;
            if (whole || std::min(last.width, last.height) > feed.side) {
                prepared.images.push_back(prepared.images.back());
                continue;
            }
        }
        image::Photo photo =
            image::decode(bytes, sample.name, {.reduce_to = feed.side, .sample_bits = options_.sample_bits});
        width = photo.width;
        height = photo.height;
        prepared.fits_its_bits = photo.warning.empty();
        prepared.has_16_bits = photo.has_16_bits;
        prepared.images.push_back(std::make_shared<const Image>(std::move(photo.image)));
    }
    const Truth* truth = truths_.find(sample.name);
    std::optional<Mask> mask;
    if (truth != nullptr && !truth->mask.empty()) mask = read_mask(truth->mask);
    prepared.truth = make_truth(width, height, truth == nullptr ? std::vector<Box>{} : truth->boxes,
                                mask ? &*mask : nullptr, options_.scorer.localization);
    return prepared;
}

std::vector<ImageRecord> ModelRun::measure(const std::vector<std::size_t>& images,
                                           const std::vector<std::size_t>& indices) const {
    std::vector<ImageRecord> records(images.size());
    std::map<int, std::vector<Prepared>> groups;  // by label: a pass explains one class
    for (std::size_t k = 0; k < images.size(); ++k) {
        const dataset::Sample& sample = data_.samples[images[k]];
        ImageRecord& record = records[k];
        record.index = indices[k];
        record.name = sample.name;
        const int label = sample.labels.front();
        const dataset::ClassEntry& entry = data_.classes.entries[static_cast<std::size_t>(label)];
        record.label = entry.name;
        record.class_key = entry.key;
        try {
            Prepared prepared = read(sample);
            prepared.place = k;
            if (!truths_.all().empty())
                std::ranges::move(remarks_on(prepared.truth), std::back_inserter(record.remarks));
            if (!prepared.fits_its_bits) record.remarks.push_back(bits_remark(options_.sample_bits));
            if (options_.sample_bits != 0 && !prepared.has_16_bits)
                record.remarks.emplace_back("is of 8 bits a sample, which --bits leaves as it is");
            groups[label].push_back(std::move(prepared));
        } catch (const Error& error) {
            record.error = error.what();
        } catch (const std::bad_alloc&) {
            record.error = "memory does not suffice for an image of its size";
        }
    }
    for (auto& [label, group] : groups) {
        const auto fail = [&, &members = group](const std::string& why) {
            for (const Prepared& prepared : members) records[prepared.place].error = why;
        };
        try {
            score_group(group, label);
        } catch (const Error& error) {
            fail(error.what());
            continue;
        } catch (const std::bad_alloc&) {
            fail("memory does not suffice for its scores");
            continue;
        }
        for (Prepared& prepared : group) {
            for (ImageScores& scores : baselines_.score(prepared.truth, indices[prepared.place]))
                prepared.rows.push_back(std::move(scores));
            ImageRecord& record = records[prepared.place];
            record.error = fault_of(prepared.rows, rows_);
            if (!record.error.empty()) continue;
            record.rows = std::move(prepared.rows);
            for (std::size_t r = 0; r < rows_.size(); ++r) {
                const std::string where = fmt::format("by {} of {}", rows_[r].method, text::quote(rows_[r].model));
                std::ranges::move(remarks_on(record.rows[r], where), std::back_inserter(record.remarks));
            }
        }
    }
    return records;
}

}  // namespace locus::evaluate
