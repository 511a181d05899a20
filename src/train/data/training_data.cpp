#include "train/data/training_data.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"
#include "train/random.hpp"

namespace locus::train {

namespace {

/// Takes a share of each class, so that rare classes are validated too; of a class of one photo, none.
std::vector<dataset::Sample> hold_back(std::vector<dataset::Sample>& samples, double share, std::uint64_t seed) {
    std::map<int, std::vector<std::size_t>> by_class;
    for (std::size_t i = 0; i < samples.size(); ++i)
        by_class[samples[i].labels.empty() ? -1 : samples[i].labels[0]].push_back(i);
    std::vector<char> held(samples.size());
    for (const auto& [label, members] : by_class) {
        const auto order = shuffled(members.size(), seed, 0x76616C + static_cast<std::uint64_t>(label));
        const auto wanted = static_cast<std::size_t>(std::lround(share * static_cast<double>(members.size())));
        for (std::size_t i = 0; i < std::min(wanted, members.size() - 1); ++i) held[members[order[i]]] = 1;
    }
    std::vector<dataset::Sample> kept, back;
    for (std::size_t i = 0; i < samples.size(); ++i) (held[i] ? back : kept).push_back(std::move(samples[i]));
    samples = std::move(kept);
    return back;
}

std::vector<dataset::Sample> list_validation(const std::vector<std::filesystem::path>& sources,
                                             const dataset::ClassList& classes,
                                             const std::function<void(const std::string&)>& say) {
    try {
        dataset::SampleList list = dataset::list_samples(sources, {.classes = classes});
        for (const std::string& remark : list.remarks) say("validation: " + remark);
        return std::move(list.samples);
    } catch (const Error& error) {
        throw Error(error.kind(), std::string("validation: ") + error.what());
    }
}

/// Boxes that fit no photo would measure nothing, and nobody would notice.
evaluate::TruthList read_boxes_of(const std::vector<dataset::Sample>& photos, const std::filesystem::path& source,
                                  const std::function<void(const std::string&)>& say) {
    if (photos.empty()) {
        throw Error(
            ErrorKind::usage,
            "--val-boxes has the boxes of validation photos, and there are none: --val or --val-split gives them");
    }
    evaluate::TruthList boxes = evaluate::read_boxes(source);
    for (const std::string& remark : boxes.remarks) say(remark);
    std::size_t boxed = 0;
    std::set<const evaluate::Truth*> used;
    for (const dataset::Sample& photo : photos) {
        const evaluate::Truth* truth = boxes.find(photo.name);
        if (truth == nullptr || truth->boxes.empty()) continue;
        ++boxed;
        if (used.insert(truth).second) continue;
        throw Error(ErrorKind::usage,
                    fmt::format("{}: {} may be any of several photos, {} among them: name the folders as well",
                                source.string(), text::quote(truth->name), text::quote(photo.name)));
    }
    if (boxed == 0) {
        throw Error(
            ErrorKind::usage,
            fmt::format("{}: has a box for none of the {} validation photos: {} is a photo, and the boxes {}",
                        source.string(), photos.size(), text::quote(photos.front().name),
                        boxes.all().empty() ? "are none" : "begin with " + text::quote(boxes.all().front().name)));
    }
    if (boxed < photos.size()) {
        say(fmt::format("{}: has boxes for {} of the {} validation photos; localization is measured on these",
                        source.string(), boxed, photos.size()));
    }
    return boxes;
}

/// Throws where not one photo can be read: what is trained on nothing looks like a network all the same.
void require_one_readable(PhotoStore& photos, const std::string& prefix) {
    for (std::size_t i = 0; i < photos.samples().size(); ++i) {
        if (photos.photo(i)) return;
    }
    throw Error(ErrorKind::image, fmt::format("{}none of the {} photos can be read; the first: {}", prefix,
                                              photos.samples().size(), photos.corrupt().front()));
}

/// Throws Error(usage) where there is nothing to tell apart.
void require_classes(const dataset::SampleList& list, const TrainOptions& options) {
    if (list.classes.entries.size() < 2 && !list.multi_label) {
        throw Error(ErrorKind::usage,
                    fmt::format("the data have one class, '{}'; there is nothing to tell apart with fewer than two",
                                list.classes.entries[0].key));
    }
    std::set<int> occurring;
    for (const dataset::Sample& sample : list.samples) occurring.insert(sample.labels.begin(), sample.labels.end());
    if (occurring.empty()) {
        throw Error(ErrorKind::usage,
                    fmt::format("{}: its images have no label at all", options.data.front().string()));
    }
    if (occurring.size() < 2 && !list.multi_label) {
        throw Error(ErrorKind::usage,
                    fmt::format("the data hold images of one class alone, '{}'; there is nothing to tell apart with "
                                "fewer than two",
                                list.classes.entries[static_cast<std::size_t>(*occurring.begin())].key));
    }
}

/// Says which photos were left out, and what the others have about them.
void tell_of_faults(const PhotoStore& photos, const std::function<void(const std::string&)>& say) {
    for (const std::string& corrupt : photos.corrupt()) say("skipped: " + corrupt);
    const std::vector<std::string> warnings = photos.warnings();
    if (warnings.empty()) return;  // a camera's photos have them all alike: one says it
    const std::string others =
        warnings.size() > 1 ? fmt::format("; so of {} photos in all", warnings.size()) : std::string();
    say("warning: " + warnings.front() + others);
}

}  // namespace

TrainingData load_training_data(const TrainOptions& options, int threads) {
    const auto say = [&](const std::string& line) {
        if (options.say) options.say(line);
    };
    dataset::ListOptions listing;
    if (!options.classes.empty()) listing.classes = dataset::read_class_list(options.classes);
    dataset::SampleList list = dataset::list_samples(options.data, listing);
    for (const std::string& remark : list.remarks) say(remark);
    require_classes(list, options);
    std::vector<dataset::Sample> held;
    if (!options.validation.empty()) {
        held = list_validation(options.validation, list.classes, say);
    } else if (options.validation_split > 0) {
        held = hold_back(list.samples, options.validation_split, options.seed);
    }

    const auto begin = std::chrono::steady_clock::now();
    TrainingData data;
    if (!options.validation_boxes.empty()) data.boxes = read_boxes_of(held, options.validation_boxes, say);
    data.classes = list.classes;
    data.multi_label = list.multi_label;
    const auto store_options = [&](std::size_t memory) {
        return PhotoStoreOptions{.memory = memory, .sample_bits = options.sample_bits, .threads = threads};
    };
    data.photos = std::make_unique<PhotoStore>(std::move(list.samples), store_options(options.photo_memory));
    data.photos->fill();
    require_one_readable(*data.photos, "");
    if (!held.empty()) {
        data.validation = std::make_unique<PhotoStore>(std::move(held), store_options(options.photo_memory / 8));
        data.validation->fill();
        require_one_readable(*data.validation, "validation: ");
    }
    say(fmt::format("{} photos of {} classes to train on, {} to validate; read in {:.1f} s",
                    data.photos->samples().size(), data.classes.entries.size(),
                    data.validation ? data.validation->samples().size() : 0,
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()));
    for (const PhotoStore* store : {data.photos.get(), data.validation.get()})
        if (store != nullptr) tell_of_faults(*store, say);
    return data;
}

}  // namespace locus::train
