#include "train/frozen_trunk.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "files/sha256.hpp"
#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"
#include "report/results_json.hpp"
#include "runtime/session.hpp"
#include "train/checkpoint.hpp"
#include "train/data/training_data.hpp"
#include "train/engine_threads.hpp"
#include "train/export.hpp"
#include "train/exported_check.hpp"
#include "train/gap_head.hpp"
#include "train/starting_network.hpp"
#include "train/surgery.hpp"
#include "train/torch_types.hpp"
#include "train/training_log.hpp"
#include "train/validation.hpp"

namespace locus::train {

namespace {

constexpr std::int64_t batch_size = 16;
constexpr std::size_t photos_a_file = 2048;

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Pooled features [photos, K] of all photos that can be read, and which these are.
struct Features {
    Tensor values;
    std::vector<std::size_t> samples;
};

class Trunk {
public:
    Trunk(const TrainOptions& options, EngineThreads& threads)
        : threads_(&threads), interrupted_(options.interrupted), head_(head_named(options.head)) {
        if (head_ == model::Head::fc) {
            throw Error(ErrorKind::usage,
                        "--freeze trunk fits a layer to pooled features: --head takes gap, gmp or sum beside it");
        }
        StartingNetwork start = load_starting_network(options.from);
        model_ = std::move(start.model);
        preprocessing_ = start.preprocessing;
        const std::string output = model_.graph.outputs.at(0).name;
        if (!options.cut_at.empty()) {
            tensor_ = options.cut_at;
        } else if (const auto head = find_pooled_head(model_.graph, output)) {
            tensor_ = head->features;
        } else {
            tensor_ = find_cut(model_);
        }
        model::Model pooled = with_head(2);
        for (const model::Node& node : pooled.graph.nodes) {
            if (node.is("Gemm") && node.output(0) == pooled.graph.outputs[0].name) pooled_ = node.input(0);
        }
        pooled.graph.outputs[0] = {};
        pooled.graph.outputs[0].name = pooled_;
        model::remove_unused(pooled.graph);
        bytes_ = model::serialize(pooled);
        session_ = std::make_unique<runtime::Session>(bytes_, runtime::SessionOptions{.threads = 1});
        const auto& shape = pooled.graph.inputs.at(0).shape;
        fixed_batch_ = shape && !shape->empty() && shape->front().value ? *shape->front().value : 0;
        if (fixed_batch_ > 1)
            throw Error(ErrorKind::unsupported,
                        fmt::format("{}: takes {} photos at a time, no fewer", options.from.string(), fixed_batch_));
        input_ = pooled.graph.inputs.at(0).name;
    }

    /// Computes, or reads what an earlier run computed: a file for so many photos at a time, so that a run that was
    /// broken off goes on where it was.
    Features features(PhotoStore& photos, const std::filesystem::path& folder,
                      const std::function<void(const std::string&)>& say) const {
        Features all;
        std::vector<std::byte> bytes;
        std::int64_t width = 0;
        const std::size_t count = photos.samples().size();
        std::size_t computed = 0;
        const auto begin = std::chrono::steady_clock::now();
        for (std::size_t from = 0; from < count; from += photos_a_file) {
            const std::size_t to = std::min(count, from + photos_a_file);
            const std::filesystem::path file = folder / ("features-" + identity(photos, from, to) + ".locus");
            Features part;
            std::error_code unknown;
            if (std::filesystem::exists(file, unknown)) {
                part = load(file, from);
            } else {
                part = compute(photos, from, to);
                if (is_interrupted()) return {};
                save(part, file, from);
                computed += to - from;
                const double seconds = seconds_since(begin);
                const double pace = static_cast<double>(computed) / seconds;
                if (say) {
                    say(fmt::format("features of {} of {} photos, {:.0f} a second, done in {:.0f} s", to, count, pace,
                                    static_cast<double>(count - to) / pace));
                }
            }
            if (part.samples.empty()) continue;
            width = part.values.shape().at(1);
            bytes.insert(bytes.end(), part.values.bytes().begin(), part.values.bytes().end());
            all.samples.insert(all.samples.end(), part.samples.begin(), part.samples.end());
        }
        all.values =
            Tensor(DataType::float32, {static_cast<std::int64_t>(all.samples.size()), width}, std::move(bytes));
        return all;
    }

    /// The network with the pool and a linear layer, yet to be fitted, behind its trunk.
    model::Model with_head(int classes) const {
        return with_new_head(model_, {.cut_at = tensor_, .classes = classes, .head = head_});
    }

    const std::string& tensor() const { return tensor_; }
    const Preprocessing& preprocessing() const { return preprocessing_; }
    std::int64_t fixed_batch() const { return fixed_batch_; }  ///< 0: any

private:
    /// What the features of photos first ... last - 1 follow from: the network, what it is fed, and the photos as they
    /// lie there.
    std::string identity(const PhotoStore& photos, std::size_t first, std::size_t last) const {
        std::string text = bytes_ + '\n' + report::preprocessing_json(preprocessing_, {});
        if (photos.options().sample_bits != 0) text += fmt::format("\n{} bits", photos.options().sample_bits);
        for (std::size_t i = first; i < last; ++i) {
            const dataset::Sample& s = photos.samples()[i];
            std::error_code gone;
            const auto changed = std::filesystem::last_write_time(s.file, gone).time_since_epoch().count();
            text += fmt::format("\n{} {} {} {} {}", s.name, s.file.string(), s.offset, s.size, changed);
        }
        return files::sha256(text).substr(0, 16);
    }

    static Features load(const std::filesystem::path& file, std::size_t from) {
        const Checkpoint kept = load_checkpoint(file);
        Features features{kept.tensors.at("features"), {}};
        for (const std::int64_t i : kept.tensors.at("samples").to_int64s())
            features.samples.push_back(from + static_cast<std::size_t>(i));
        return features;
    }

    static void save(const Features& features, const std::filesystem::path& file, std::size_t from) {
        Checkpoint kept;
        kept.state = "{}";
        kept.tensors["features"] = features.values;
        std::vector<std::int64_t> samples;
        for (const std::size_t i : features.samples) samples.push_back(static_cast<std::int64_t>(i - from));
        kept.tensors["samples"] = Tensor::of<std::int64_t>({static_cast<std::int64_t>(samples.size())}, samples);
        save_checkpoint(kept, file);
    }

    /// Of the photos first ... last - 1. Nothing where it was interrupted.
    Features compute(PhotoStore& photos, std::size_t first, std::size_t last) const {
        const std::size_t count = last - first, each = fixed_batch_ == 1 ? 1 : static_cast<std::size_t>(batch_size);
        std::vector<Tensor> parts((count + each - 1) / each);
        std::vector<std::vector<std::size_t>> samples(parts.size());
        threads_->run(parts.size(), [&](std::size_t index) {
            std::vector<std::byte> bytes;
            Shape shape;
            for (std::size_t i = first + index * each; i < std::min(last, first + (index + 1) * each); ++i) {
                const auto photo = photos.photo(i);
                if (!photo) continue;
                const Tensor x = preprocess(*photo, preprocessing_);
                shape = x.shape();
                bytes.insert(bytes.end(), x.bytes().begin(), x.bytes().end());
                samples[index].push_back(i);
            }
            if (samples[index].empty() || is_interrupted()) return;
            shape[0] = static_cast<std::int64_t>(samples[index].size());
            parts[index] = session_->run({{input_, Tensor(preprocessing_.type, shape, std::move(bytes))}}, {pooled_})
                               .at(0)
                               .to_float32();
        });
        if (is_interrupted()) return {};
        Features features;
        std::vector<std::byte> all;
        std::int64_t width = 0;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (samples[i].empty()) continue;
            width = parts[i].size() / static_cast<std::int64_t>(samples[i].size());
            all.insert(all.end(), parts[i].bytes().begin(), parts[i].bytes().end());
            features.samples.insert(features.samples.end(), samples[i].begin(), samples[i].end());
        }
        features.values =
            Tensor(DataType::float32, {static_cast<std::int64_t>(features.samples.size()), width}, std::move(all));
        return features;
    }

    bool is_interrupted() const { return interrupted_ && interrupted_->load(); }

    EngineThreads* threads_;
    const std::atomic<bool>* interrupted_;
    model::Head head_;
    model::Model model_;
    Preprocessing preprocessing_;
    std::string tensor_, pooled_, input_, bytes_;
    std::unique_ptr<runtime::Session> session_;
    std::int64_t fixed_batch_ = 0;
};

/// Shares of photos whose label is the highest, and among the five highest, scores of the layer.
std::pair<double, double> accuracy(const LinearLayer& layer, const Features& features, const PhotoStore& photos) {
    at::NoGradGuard no_gradients;
    const at::Tensor scores = at::addmm(to_torch(layer.bias), to_torch(features.values), to_torch(layer.weight).t());
    const at::Tensor best = std::get<1>(at::topk(scores, std::min<std::int64_t>(5, scores.size(1)), 1)).contiguous();
    double top1 = 0, top5 = 0;
    for (std::size_t i = 0; i < features.samples.size(); ++i) {
        const auto& labels = photos.samples()[features.samples[i]].labels;
        for (std::int64_t k = 0; k < best.size(1); ++k) {
            const auto guess = best.data_ptr<std::int64_t>()[static_cast<std::int64_t>(i) * best.size(1) + k];
            if (std::find(labels.begin(), labels.end(), static_cast<int>(guess)) == labels.end()) continue;
            top1 += k == 0;
            top5 += 1;
            break;
        }
    }
    const double n = std::max<double>(1, static_cast<double>(features.samples.size()));
    return {top1 / n, top5 / n};
}

/// Validation places maps on whole photos, and feeds RGB or BGR planes.
bool sees_whole_photos(const Preprocessing& p) {
    return p.resize == Resize::squash && p.layout == Layout::nchw && p.color != ColorOrder::gray &&
           p.type == DataType::float32 && p.width == p.height;
}

}  // namespace

LinearLayer fit_linear_layer(const Tensor& features, const std::vector<std::vector<int>>& labels, int classes,
                             bool multi_label, int epochs, std::uint64_t seed) {
    at::NoGradGuard no_gradients;
    at::Tensor x = to_torch(features);
    const std::int64_t n = x.size(0), width = x.size(1);
    const at::Tensor mean = x.mean(0), deviation = at::clamp_min(x.var(0, false).sqrt(), 1e-6);
    x.sub_(mean).div_(deviation);
    at::Tensor y = at::zeros({n, classes});
    for (std::int64_t i = 0; i < n; ++i) {
        for (const int label : labels[static_cast<std::size_t>(i)]) y.data_ptr<float>()[i * classes + label] = 1;
    }
    at::Tensor w = at::zeros({classes, width}), b = at::zeros({classes});
    at::Tensor m = at::zeros_like(w), v = at::zeros_like(w), mb = at::zeros_like(b), vb = at::zeros_like(b);
    constexpr std::int64_t batch = 256;
    constexpr double peak = 3e-3, decay = 0.02;
    const std::int64_t per_epoch = (n + batch - 1) / batch, total = per_epoch * epochs;
    std::int64_t t = 0;
    for (int epoch = 0; epoch < epochs; ++epoch) {
        const auto order32 = shuffled(static_cast<std::size_t>(n), seed, static_cast<std::uint64_t>(epoch));
        const std::vector<std::int64_t> order(order32.begin(), order32.end());
        const at::Tensor indices = at::tensor(order, at::kLong);
        for (std::int64_t begin = 0; begin < n; begin += batch) {
            const at::Tensor rows = indices.slice(0, begin, std::min(n, begin + batch));
            const at::Tensor xb = x.index_select(0, rows), yb = y.index_select(0, rows);
            const at::Tensor scores = at::addmm(b, xb, w.t());
            const at::Tensor error =
                ((multi_label ? at::sigmoid(scores) : at::softmax(scores, 1)) - yb) / static_cast<double>(rows.size(0));
            const at::Tensor gw = at::mm(error.t(), xb), gb = error.sum(0);
            ++t;
            const double rate =
                peak * 0.5 * (1 + std::cos(3.14159265358979 * static_cast<double>(t) / static_cast<double>(total)));
            const double c1 = 1 - std::pow(0.9, t), c2 = 1 - std::pow(0.999, t);
            m.mul_(0.9).add_(gw, 0.1);
            v.mul_(0.999).addcmul_(gw, gw, 0.001);
            w.mul_(1 - rate * decay).sub_(rate / c1 * m / ((v / c2).sqrt() + 1e-8));
            mb.mul_(0.9).add_(gb, 0.1);
            vb.mul_(0.999).addcmul_(gb, gb, 0.001);
            b.sub_(rate / c1 * mb / ((vb / c2).sqrt() + 1e-8));
        }
    }
    const at::Tensor folded = w / deviation;
    return {from_torch(folded), from_torch(b - at::mv(folded, mean))};
}

namespace {

LinearLayer fit(const TrainOptions& options, const TrainingData& data, const Features& features,
                EngineThreads& threads) {
    std::vector<std::vector<int>> labels;
    for (const std::size_t i : features.samples) labels.push_back(data.photos->samples()[i].labels);
    LinearLayer layer;
    // On one engine thread: its matrices are small, and LibTorch's own threads would wait for one another in every
    // step.
    threads.run(1, [&](std::size_t) {
        layer = fit_linear_layer(features.values, labels, static_cast<int>(data.classes.entries.size()),
                                 data.multi_label, options.epochs, options.seed);
    });
    return layer;
}

/// Writes the network with the layer that was fitted to so many photos. Returns the name of its logits.
std::string write_model(const TrainOptions& options, const TrainingData& data, const Trunk& trunk,
                        const LinearLayer& layer, std::size_t photos) {
    const int classes = static_cast<int>(data.classes.entries.size());
    model::Model trained = trunk.with_head(classes);
    trained.graph.initializers[std::string(new_layer_prefix) + "linear.weight"] = layer.weight;
    trained.graph.initializers[std::string(new_layer_prefix) + "linear.bias"] = layer.bias;
    ExportOptions exported;
    exported.preprocessing = trunk.preprocessing();
    exported.labels = data.classes.names();
    exported.multi_label = data.multi_label;
    exported.half_weights = options.half_weights;
    exported.description =
        fmt::format("A linear layer for {} classes on the frozen trunk of {}, fitted by Locus to {} photos.", classes,
                    options.from.filename().string(), photos);
    std::string logits = trained.graph.outputs.at(0).name;
    export_model(std::move(trained), exported, options.output);
    return logits;
}

/// Measures the written file on the validation photos, in ONNX Runtime.
void validate_written(const TrainOptions& options, const TrainingData& data, const Trunk& trunk, EngineThreads& threads,
                      const std::string& logits, const LinearLayer& layer, EpochRecord& record) {
    ValidationOptions validation;
    validation.size = trunk.preprocessing().width;
    validation.batch = trunk.fixed_batch() == 1 ? 1 : static_cast<int>(batch_size);
    validation.preprocessing = trunk.preprocessing();
    validation.multi_label = data.multi_label;
    validation.boxes = data.boxes ? &*data.boxes : nullptr;
    validation.weights = layer.weight;
    const ValidationResult result =
        check_exported(options.output, {logits, trunk.tensor()}, *data.validation, threads, validation, nullptr,
                       options.folder, data.classes.names(), options.say);
    record.loss = result.loss;
    record.top1 = result.top1;
    record.top5 = result.top5;
    record.localization = result.localization;
}

}  // namespace

TrainOutcome train_on_frozen_trunk(const TrainOptions& given) {
    TrainOptions options = given;
    options.folder = options.run_folder();
    const auto say = [&](const std::string& line) {
        if (options.say) options.say(line);
    };
    const auto begin = std::chrono::steady_clock::now();
    EngineThreads threads(options.engine_threads);
    const TrainingData data = load_training_data(options, threads.count());
    const Trunk trunk(options, threads);
    say(fmt::format("{}: features are '{}', pooled", options.from.string(), trunk.tensor()));
    const auto is_interrupted = [&] { return options.interrupted && options.interrupted->load(); };
    const Features features = trunk.features(*data.photos, options.folder, options.say);
    if (is_interrupted()) return {};  // what is computed stays
    const auto fit_begin = std::chrono::steady_clock::now();
    const LinearLayer layer = fit(options, data, features, threads);
    const double fit_seconds = seconds_since(fit_begin);

    EpochRecord record;
    record.epoch = options.epochs;
    record.size = trunk.preprocessing().width;
    record.train_top1 = accuracy(layer, features, *data.photos).first;
    if (data.validation) {
        const Features held = trunk.features(*data.validation, options.folder, options.say);
        if (is_interrupted()) return {};
        std::tie(record.top1, record.top5) = accuracy(layer, held, *data.validation);
    }
    record.seconds = seconds_since(begin);
    say(fmt::format(
        "fitted in {:.1f} s: {:.2f} % right in training{}; {:.0f} s in all", fit_seconds, 100 * record.train_top1,
        record.top1 ? fmt::format(", validation top-1 {:.2f} %, top-5 {:.2f} %", 100 * *record.top1, 100 * *record.top5)
                    : "",
        record.seconds));

    const std::string logits = write_model(options, data, trunk, layer, features.samples.size());
    say(fmt::format("{} written", options.output.string()));
    const bool can_validate = sees_whole_photos(trunk.preprocessing());
    if (data.boxes && !can_validate)
        say("localization is not measured: the network does not see whole photos as float32 planes of three colours");
    if (data.validation && can_validate) validate_written(options, data, trunk, threads, logits, layer, record);
    write_log({record}, options.folder / "log.csv");
    return {{record}, true};
}

}  // namespace locus::train
