#include "train/validation.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "locus/boxes.hpp"
#include "train/augment.hpp"

namespace locus::train {

namespace {

struct Part {
    double loss = 0;
    std::size_t images = 0, top1 = 0, top5 = 0, boxed = 0, localized = 0;
};

/// Whether the box of the true class' map at 20 % meets one of the true boxes.
bool localizes(const at::Tensor& features, const at::Tensor& weight, const Image& photo, std::span<const Box> truth) {
    const std::int64_t channels = features.size(0), h = features.size(1), w = features.size(2);
    const at::Tensor map = at::mv(features.reshape({channels, h * w}).t(), weight).contiguous();
    Map raw{static_cast<int>(w), static_cast<int>(h), {map.data_ptr<float>(), map.data_ptr<float>() + h * w}};
    const std::vector<Box> found = boxes(upsample(raw, photo.width, photo.height));
    if (found.empty()) return false;
    return std::any_of(truth.begin(), truth.end(), [&](const Box& box) { return iou(found[0], box) >= 0.5; });
}

}  // namespace

ValidationResult validate(const Executor& executor, PhotoStore& photos, EngineThreads& threads,
                          const ValidationOptions& options, const dataset::BoxList* boxes,
                          const std::optional<PooledHead>& head) {
    const std::size_t count = photos.samples().size();
    const std::size_t batch = static_cast<std::size_t>(options.batch);
    const std::size_t batches = (count + batch - 1) / batch;
    const std::size_t plane = static_cast<std::size_t>(options.size) * static_cast<std::size_t>(options.size);
    std::vector<Part> parts(batches);
    const bool maps = boxes && head;
    at::Tensor weight;
    if (maps) {
        for (const Parameter& parameter : executor.parameters()) {
            if (parameter.name == head->weight)
                weight = head->transposed ? parameter.value.detach() : parameter.value.detach().t();
        }
    }

    threads.run(batches, [&](std::size_t index) {
        at::NoGradGuard no_gradients;
        std::vector<std::shared_ptr<const Image>> shown;
        std::vector<std::size_t> samples;
        for (std::size_t i = index * batch; i < std::min(count, (index + 1) * batch); ++i) {
            if (auto photo = photos.photo(i)) {
                shown.push_back(std::move(photo));
                samples.push_back(i);
            }
        }
        if (shown.empty()) return;
        at::Tensor x = at::empty({static_cast<std::int64_t>(shown.size()), 3, options.size, options.size});
        for (std::size_t i = 0; i < shown.size(); ++i) {
            Random unused(0);
            augment(*shown[i], {.min_area = 1, .flip = false}, false, options.size, options.preprocessing, unused,
                    x.data_ptr<float>() + i * 3 * plane);
        }
        Pass pass;
        std::vector<std::string> outputs{options.output};
        if (weight.defined()) outputs.push_back(head->features);
        const Tensors results = executor.run({{executor.input_name(), x}}, outputs, pass);
        const at::Tensor scores = results[0].contiguous();
        const at::Tensor chances = options.multi_label ? at::sigmoid(scores) : at::log_softmax(scores, 1);
        const std::int64_t classes = scores.size(1);
        Part& part = parts[index];
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const float* score = scores.data_ptr<float>() + static_cast<std::int64_t>(i) * classes;
            const float* chance = chances.data_ptr<float>() + static_cast<std::int64_t>(i) * classes;
            const dataset::Sample& sample = photos.samples()[samples[i]];
            ++part.images;
            if (options.multi_label) {
                for (std::int64_t c = 0; c < classes; ++c) {
                    const bool there = std::count(sample.labels.begin(), sample.labels.end(), static_cast<int>(c)) > 0;
                    part.loss -=
                        std::log(std::max(1e-12F, there ? chance[c] : 1 - chance[c])) / static_cast<double>(classes);
                }
            }
            int best_rank = static_cast<int>(classes);
            for (const int label : sample.labels) {
                int rank = 0;
                for (std::int64_t c = 0; c < classes; ++c)
                    rank += score[c] > score[label] || (score[c] == score[label] && c < label);
                best_rank = std::min(best_rank, rank);
            }
            part.top1 += best_rank < 1;
            part.top5 += best_rank < 5;
            if (sample.labels.empty()) continue;
            if (!options.multi_label) part.loss -= chance[sample.labels[0]];
            if (!weight.defined()) continue;
            const std::span<const Box> truth = boxes->of(sample.name);
            if (truth.empty()) continue;
            ++part.boxed;
            part.localized +=
                localizes(results[1][static_cast<std::int64_t>(i)], weight[sample.labels[0]], *shown[i], truth);
        }
    });

    Part all;
    for (const Part& part : parts) {
        all.loss += part.loss;
        all.images += part.images;
        all.top1 += part.top1;
        all.top5 += part.top5;
        all.boxed += part.boxed;
        all.localized += part.localized;
    }
    const double n = static_cast<double>(std::max<std::size_t>(1, all.images));
    ValidationResult result{
        all.loss / n, static_cast<double>(all.top1) / n, static_cast<double>(all.top5) / n, {}, all.images};
    if (all.boxed > 0) result.localization = static_cast<double>(all.localized) / static_cast<double>(all.boxed);
    return result;
}

}  // namespace locus::train
