#include "train/validation.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "locus/boxes.hpp"
#include "train/data/augment.hpp"

namespace locus::train {

namespace {

struct Part {
    double loss = 0;
    std::size_t images = 0, top1 = 0, top5 = 0, boxed = 0;
    std::array<std::size_t, threshold_count> localized{};
    std::vector<std::size_t> class_images, class_right;

    void add(const Part& other) {
        loss += other.loss;
        images += other.images;
        top1 += other.top1;
        top5 += other.top5;
        boxed += other.boxed;
        for (std::size_t i = 0; i < threshold_count; ++i) localized[i] += other.localized[i];
        class_images.resize(std::max(class_images.size(), other.class_images.size()));
        class_right.resize(class_images.size());
        for (std::size_t c = 0; c < other.class_images.size(); ++c) {
            class_images[c] += other.class_images[c];
            class_right[c] += other.class_right[c];
        }
    }

    /// Becomes the sum over ranks; counts are exact in a double.
    void sum_over_ranks(const ValidationOptions& options, std::size_t classes) {
        class_images.resize(classes);
        class_right.resize(classes);
        std::vector<double> numbers{loss};
        std::vector<std::size_t*> counts{&images, &top1, &top5, &boxed};
        for (std::size_t& count : localized) counts.push_back(&count);
        for (std::size_t& count : class_images) counts.push_back(&count);
        for (std::size_t& count : class_right) counts.push_back(&count);
        for (const std::size_t* count : counts) numbers.push_back(static_cast<double>(*count));
        options.sum(numbers);
        loss = numbers[0];
        for (std::size_t i = 0; i < counts.size(); ++i) *counts[i] = static_cast<std::size_t>(numbers[i + 1]);
    }
};

/// The class activation map of one photo: sum over channels of weight times map.
Map class_map(std::span<const float> features, std::int64_t h, std::int64_t w, std::span<const float> weight) {
    Map map{static_cast<int>(w), static_cast<int>(h), std::vector<float>(static_cast<std::size_t>(h * w))};
    for (std::size_t k = 0; k < weight.size(); ++k) {
        for (std::size_t i = 0; i < map.values.size(); ++i)
            map.values[i] += weight[k] * features[k * map.values.size() + i];
    }
    return map;
}

bool hits(const Map& map, double threshold, std::span<const Box> truth) {
    const std::vector<Box> found = boxes(map, {.threshold = threshold});
    return !found.empty() &&
           std::any_of(truth.begin(), truth.end(), [&](const Box& b) { return iou(found[0], b) >= 0.5; });
}

/// -log softmax(scores)[label]
double cross_entropy(std::span<const float> scores, int label) {
    const float highest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (const float s : scores) sum += std::exp(static_cast<double>(s) - highest);
    return std::log(sum) + highest - scores[static_cast<std::size_t>(label)];
}

double binary_cross_entropy(std::span<const float> scores, const std::vector<int>& labels) {
    double sum = 0;
    for (std::size_t c = 0; c < scores.size(); ++c) {
        const bool there = std::find(labels.begin(), labels.end(), static_cast<int>(c)) != labels.end();
        const double s = there ? -scores[c] : scores[c];
        sum += std::max(s, 0.0) + std::log1p(std::exp(-std::abs(s)));
    }
    return sum / static_cast<double>(scores.size());
}

/// How many classes score higher; equal scores count by index, as TopK has them.
std::size_t rank_of(std::span<const float> scores, int label) {
    const float own = scores[static_cast<std::size_t>(label)];
    std::size_t rank = 0;
    for (std::size_t c = 0; c < scores.size(); ++c)
        rank += scores[c] > own || (scores[c] == own && c < static_cast<std::size_t>(label));
    return rank;
}

void judge(const ValidationOptions& options, const dataset::Sample& sample, const Image& photo,
           std::span<const float> scores, std::span<const float> features, const Shape& features_shape, Part& part) {
    ++part.images;
    if (options.multi_label) part.loss += binary_cross_entropy(scores, sample.labels);
    if (sample.labels.empty()) return;
    std::size_t best = scores.size();
    for (const int label : sample.labels) {
        const std::size_t rank = rank_of(scores, label);
        best = std::min(best, rank);
        ++part.class_images[static_cast<std::size_t>(label)];
        part.class_right[static_cast<std::size_t>(label)] += rank == 0;
    }
    part.top1 += best < 1;
    part.top5 += best < 5;
    if (!options.multi_label) part.loss += cross_entropy(scores, sample.labels[0]);

    if (features.empty() || !options.boxes) return;
    const evaluate::Truth* truth = options.boxes->find(sample.name);
    if (truth == nullptr || truth->boxes.empty()) return;
    ++part.boxed;
    const std::size_t channels = static_cast<std::size_t>(features_shape[1]);
    const auto weight =
        options.weights.values<float>().subspan(static_cast<std::size_t>(sample.labels[0]) * channels, channels);
    const Map map =
        upsample(class_map(features, features_shape[2], features_shape[3], weight), photo.width, photo.height);
    for (std::size_t i = 0; i < threshold_count; ++i) {
        if (options.all_thresholds || i == 4) part.localized[i] += hits(map, validation_threshold(i), truth->boxes);
    }
}

}  // namespace

ValidationResult validate(const Answer& network, PhotoStore& photos, EngineThreads& threads,
                          const ValidationOptions& options) {
    const std::size_t count = photos.samples().size();
    const std::size_t batch = static_cast<std::size_t>(options.batch);
    const std::size_t plane = static_cast<std::size_t>(options.size) * static_cast<std::size_t>(options.size);
    const std::size_t batches = (count + batch - 1) / batch;
    std::vector<Part> parts(options.rank < batches ? (batches - options.rank - 1) / options.ranks + 1 : 0);

    threads.run(parts.size(), [&](std::size_t own) {
        const std::size_t index = options.rank + own * options.ranks;
        std::vector<std::shared_ptr<const Image>> shown;
        std::vector<std::size_t> samples;
        for (std::size_t i = index * batch; i < std::min(count, (index + 1) * batch); ++i) {
            if (auto photo = photos.photo(i)) {
                shown.push_back(std::move(photo));
                samples.push_back(i);
            }
        }
        if (shown.empty()) return;
        Tensor x(DataType::float32, {static_cast<std::int64_t>(shown.size()), 3, options.size, options.size});
        float* values = x.mutable_values<float>().data();
        for (std::size_t i = 0; i < shown.size(); ++i) {
            Random unused(0);
            augment(*shown[i], {.min_area = 1, .flip = false}, false, options.size, options.preprocessing, unused,
                    values + i * 3 * plane);
        }
        const std::vector<Tensor> answer = network(x);
        const std::size_t classes = static_cast<std::size_t>(answer[0].shape().at(1));
        const bool maps = answer.size() > 1 && answer[1].rank() == 4 && options.weights.rank() == 2;
        const std::size_t each = maps ? static_cast<std::size_t>(answer[1].size()) / shown.size() : 0;
        Part& part = parts[own];
        part.class_images.resize(classes);
        part.class_right.resize(classes);
        for (std::size_t i = 0; i < shown.size(); ++i) {
            judge(options, photos.samples()[samples[i]], *shown[i],
                  answer[0].values<float>().subspan(i * classes, classes),
                  maps ? answer[1].values<float>().subspan(i * each, each) : std::span<const float>(),
                  maps ? answer[1].shape() : Shape(), part);
        }
    });

    Part all;
    for (const Part& part : parts) all.add(part);
    if (options.sum) all.sum_over_ranks(options, options.classes);
    ValidationResult result;
    result.class_images = all.class_images;
    result.class_right = all.class_right;
    const double n = static_cast<double>(std::max<std::size_t>(1, all.images));
    result.images = all.images;
    result.loss = all.loss / n;
    result.top1 = static_cast<double>(all.top1) / n;
    result.top5 = static_cast<double>(all.top5) / n;
    if (all.boxed > 0) {
        for (std::size_t i = 0; i < threshold_count; ++i) {
            result.localization_at[i] = static_cast<double>(all.localized[i]) / static_cast<double>(all.boxed);
        }
        result.localization = result.localization_at[4];
    }
    return result;
}

}  // namespace locus::train
