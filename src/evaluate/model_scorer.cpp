#include "evaluate/model_scorer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "evaluate/metrics/similarity.hpp"
#include "evaluate/pages/picture.hpp"
#include "evaluate/random_weights.hpp"
#include "evaluate/shown_map.hpp"
#include "explain/batches.hpp"
#include "explain/input_scores.hpp"
#include "explain/method_choice.hpp"
#include "explain/network.hpp"
#include "explain/scores.hpp"
#include "explain/shared_pass.hpp"
#include "image/preprocess.hpp"
#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::evaluate {
namespace {

bool wants(const ModelScorerOptions& options, std::string_view name) {
    return has_metric(options.localization.metrics, name);
}

bool changes_inputs(const ModelScorerOptions& options) {
    for (const char* name : {"drop", "increase", "insertion", "deletion", "road"}) {
        if (wants(options, name)) return true;
    }
    return false;
}

}  // namespace

struct ModelScorer::State {
    ModelScorerOptions options;
    explain::Network network;
    std::vector<const explain::Method*> methods;
    std::vector<explain::SharedMethods> passes;        ///< all methods; a list a method where each is timed
    std::optional<explain::SharedMethods> randomised;  ///< the same methods on random weights, for sanity
    std::vector<std::string> names;
    std::optional<explain::InputScores> scores;  ///< for inputs that were changed

    Confidence confidence_of(std::int64_t label) const {
        return [this, label](const Tensor& inputs) {
            const Tensor logits = scores->run(inputs);
            const auto n = static_cast<std::size_t>(inputs.shape()[0]);
            const std::size_t classes = static_cast<std::size_t>(logits.size()) / n;
            std::vector<double> result;
            for (std::size_t i = 0; i < n; ++i) {
                result.push_back(explain::probabilities(logits.values<float>().subspan(i * classes, classes),
                                                        network.head.activation)[static_cast<std::size_t>(label)]);
            }
            return result;
        };
    }

    /// Metrics that need the network, of one item under one method.
    void add_faithfulness(ImageScores& scores_of_image, const Tensor& input, const Map& shown, std::int64_t label,
                          std::optional<double>& full_confidence) const {
        Faithfulness f(confidence_of(label), input, shown, options.faithfulness);
        auto& values = scores_of_image.values;
        if (wants(options, "drop") || wants(options, "increase")) {  // the input's own is the same under every method
            if (full_confidence) f.set_full_confidence(*full_confidence);
            full_confidence = f.full_confidence();
        }
        if (wants(options, "drop")) values["drop"] = f.drop();
        if (wants(options, "increase")) values["increase"] = f.increase();
        if (wants(options, "insertion")) {
            scores_of_image.insertion = f.insertion();
            values["insertion"] = area_under(scores_of_image.insertion);
        }
        if (wants(options, "deletion")) {
            scores_of_image.deletion = f.deletion();
            values["deletion"] = area_under(scores_of_image.deletion);
        }
        if (wants(options, "road")) values["road"] = f.road();
    }

    /// Metrics of the true class's place among the network's answers; of the five best answers only the one that names
    /// that class can be right, and its box is that class's.
    void add_rank(std::map<std::string, double>& values, int rank) const {
        if (wants(options, "top1")) values["top1"] = rank == 1 ? 1 : 0;
        if (wants(options, "top5")) values["top5"] = rank <= 5 ? 1 : 0;
        const auto overlap = values.find("iou");
        if (overlap == values.end()) return;
        const bool box_right = overlap->second >= 0.5;
        if (wants(options, "loc1")) values["loc1"] = rank == 1 && box_right ? 0 : 1;
        if (wants(options, "loc5")) values["loc5"] = rank <= 5 && box_right ? 0 : 1;
    }
};

namespace {

struct TimedAttributions {
    std::vector<explain::Attribution> methods;
    std::vector<double> milliseconds;  ///< of each method, where each has a pass of its own
};

/// A method's map of an item. One that is not finite is all 0.
struct ItemMap {
    bool is_finite = true;
    Map boxed, shown;
};

/// Maps without a meaningful zero are boxed as they are shown; the others as they are, which comes to the same.
bool is_boxed_as_shown(explain::FinalMap rule) { return rule == explain::FinalMap::min_max; }

ItemMap map_of_item(const explain::Attribution& attribution, std::size_t item, explain::FinalMap rule) {
    ItemMap map;
    Map upright = upright_map(attribution, item);
    map.is_finite = is_finite(upright);
    if (!map.is_finite) std::fill(upright.values.begin(), upright.values.end(), 0.0F);
    map.shown = shown_map(upright, rule);
    map.boxed = is_boxed_as_shown(rule) ? map.shown : std::move(upright);
    return map;
}

std::int64_t explained_class(const explain::Attribution& attribution, std::size_t item) {
    const auto classes = static_cast<std::size_t>(attribution.class_indices.shape()[1]);
    return attribution.class_indices.values<std::int64_t>()[item * classes];
}

int rank_of_explained(const explain::Attribution& attribution, std::size_t item) {
    const auto classes = static_cast<std::size_t>(attribution.logits.shape()[1]);
    return explain::rank_of(attribution.logits.values<float>().subspan(item * classes, classes),
                            explained_class(attribution, item));
}

TimedAttributions explain_all(const std::vector<explain::SharedMethods>& passes, const Tensor& inputs,
                              const explain::ClassSelection& classes) {
    TimedAttributions all;
    for (const explain::SharedMethods& pass : passes) {
        const auto start = std::chrono::steady_clock::now();
        for (explain::Attribution& a : pass.explain(inputs, classes)) all.methods.push_back(std::move(a));
        all.milliseconds.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    return all;
}

}  // namespace

Tensor batch_of(const std::vector<const Image*>& images, const Preprocessing& preprocessing) {
    Tensor batch(preprocessing.type, image::input_shape(preprocessing, static_cast<std::int64_t>(images.size())));
    const std::size_t item = input_bytes(preprocessing);
    const auto bytes = batch.mutable_bytes();
    for (std::size_t i = 0; i < images.size(); ++i)
        preprocess_into(*images[i], preprocessing, bytes.subspan(i * item, item));
    return batch;
}

ModelScorer::ModelScorer(const std::filesystem::path& model, const std::vector<std::string>& methods,
                         const ModelScorerOptions& options)
    : state_(std::make_unique<State>()) {
    State& s = *state_;
    s.options = options;
    explain::NetworkOptions network;
    network.threads = options.threads;
    network.stop = options.stop;
    network.device = options.cuda ? runtime::Device::cuda : runtime::Device::cpu;
    s.network = explain::load_network(model, network);
    explain::MethodOptions method_options;
    method_options.seed = options.seed;
    method_options.memory_limit = options.memory_limit;
    s.methods = explain::named_methods(methods, s.network, method_options);
    for (const explain::Method* method : s.methods) s.names.push_back(method->name);
    if (wants(options, "time")) {
        for (const explain::Method* method : s.methods)
            s.passes.emplace_back(s.network, std::vector{method}, method_options);
    } else {
        s.passes.emplace_back(s.network, s.methods, method_options);
    }
    if (wants(options, "sanity")) {
        explain::Network randomised = s.network;
        randomise_weights(randomised.model.graph, randomised.input, randomised.head.logits, options.seed);
        s.randomised.emplace(randomised, s.methods, method_options);
    }
    if (changes_inputs(options)) {
        if (s.network.preprocessing.layout != Layout::nchw || s.network.input_type != DataType::float32) {
            throw Error(ErrorKind::unsupported,
                        "metrics that change the input (drop, increase, insertion, deletion, road) need a network fed "
                        "with float32 "
                        "[n, C, H, W]");
        }
        s.scores.emplace(s.network, method_options, false);
    }
    s.network.model.graph = {};  // the sessions hold the weights
}

ModelScorer::~ModelScorer() = default;
ModelScorer::ModelScorer(ModelScorer&&) noexcept = default;
ModelScorer& ModelScorer::operator=(ModelScorer&&) noexcept = default;

const std::vector<std::string>& ModelScorer::methods() const { return state_->names; }
const std::vector<std::string>& ModelScorer::labels() const { return state_->network.labels; }
std::int64_t ModelScorer::classes() const { return state_->passes.front().classes(); }
const Preprocessing& ModelScorer::preprocessing() const { return state_->network.preprocessing; }
const std::vector<std::string>& ModelScorer::warnings() const { return state_->network.warnings; }

std::size_t ModelScorer::passes() const {
    std::size_t count = 0;
    for (const explain::SharedMethods& pass : state_->passes) count += pass.passes();
    return count;
}

Map ModelScorer::map(const Image& image, int label, std::size_t method) const {
    const State& s = *state_;
    const explain::ClassSelection selection{.top_k = 0, .indices = {label}};
    const Tensor input = preprocess(image, s.network.preprocessing);
    const explain::Attribution a = s.passes.size() == 1 ? s.passes[0].explain_one(method, input, selection)
                                                        : s.passes[method].explain_one(0, input, selection);
    const explain::FinalMap rule = s.methods[method]->final_map;
    const Map upright = upright_map(a, 0);
    return is_boxed_as_shown(rule) ? shown_map(upright, rule) : upright;
}

std::vector<std::vector<ImageScores>> ModelScorer::score(const Tensor& inputs,
                                                         const std::vector<const ImageTruth*>& truths,
                                                         std::optional<int> label) const {
    const State& s = *state_;
    std::vector<std::vector<ImageScores>> rows(truths.size());
    if (truths.empty()) return rows;
    explain::ClassSelection selection;
    selection.top_k = label ? 0 : 1;
    if (label) selection.indices = {*label};

    const TimedAttributions attributions = explain_all(s.passes, inputs, selection);
    std::vector<explain::Attribution> randomised;
    if (s.randomised) randomised = s.randomised->explain(inputs, selection);
    for (std::size_t i = 0; i < truths.size(); ++i) {
        const ImageTruth& truth = *truths[i];
        const Region region = visible_region(truth.width, truth.height, s.network.preprocessing);
        const Tensor input = s.scores ? explain::rows(inputs, static_cast<std::int64_t>(i), 1) : Tensor();
        std::optional<double> full_confidence;
        for (std::size_t m = 0; m < s.methods.size(); ++m) {
            const explain::Attribution& a = attributions.methods[m];
            const ItemMap map = map_of_item(a, i, s.methods[m]->final_map);
            Answer answer = answer_of(map.boxed, region, truth, s.options.localization);
            answer.is_finite = map.is_finite;
            ImageScores scores = evaluate::score(answer, truth, s.options.localization);
            if (label) s.add_rank(scores.values, rank_of_explained(a, i));
            if (wants(s.options, "time"))
                scores.values["time"] = attributions.milliseconds[m] / static_cast<double>(truths.size());
            if (s.randomised) {
                const Map of_chance = shown_map(upright_map(randomised[m], i), s.methods[m]->final_map);
                scores.values["sanity"] = rank_correlation(map.shown.values, of_chance.values);
            }
            if (s.methods[m]->nodes == nullptr) scores.preview = preview_of(map.shown);
            if (s.scores) s.add_faithfulness(scores, input, map.shown, explained_class(a, i), full_confidence);
            rows[i].push_back(std::move(scores));
        }
    }
    return rows;
}

}  // namespace locus::evaluate
