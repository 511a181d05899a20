#include "locus/explainer.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "explain/augmentation.hpp"
#include "explain/batches.hpp"
#include "explain/explanations.hpp"
#include "explain/input_scores.hpp"
#include "explain/inspection.hpp"
#include "explain/method.hpp"
#include "explain/method_choice.hpp"
#include "explain/network.hpp"
#include "explain/settings.hpp"
#include "explain/shared_pass.hpp"
#include "locus/error.hpp"
#include "model/finite.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/tensor_misuse.hpp"
#include "text/quote.hpp"
#include "text/split.hpp"

namespace locus {

using explain::Attribution;

struct Explainer::State {
    explain::Network network;
    std::vector<const explain::Method*> methods;
    std::optional<explain::SharedMethods> prepared;
    std::vector<std::string> names, layers;  // of each method
    bool augment = false;
    std::vector<explain::TargetScore> targets;  // likewise
    int parts = 0;
    ModelInfo info;
    Shape declared;  // of the model's input; -1 where a dimension is open

    /// The same methods made for inputs of another size, or why they cannot be.
    struct OfSize {
        int width, height;
        std::shared_ptr<const State> state;
        std::optional<Error> refusal;
    };
    std::filesystem::path file;
    bool is_in_memory;
    ExplainerOptions given;  // with the methods by name
    mutable std::mutex sizes_mutex;
    mutable std::deque<OfSize> sizes;  // the last ones asked for

    /// Of a model in memory, `file` is what sentences call it.
    State(const std::filesystem::path& model, std::optional<std::span<const std::byte>> bytes,
          const ExplainerOptions& options);

    void prepare(const std::string& asked, const explain::MethodOptions& options);
    void describe();
    explain::ClassSelection selection(const std::vector<ClassRequest>& requests) const;
    void require_inputs(const Tensor& inputs) const;
    std::shared_ptr<const State> of_size(const Tensor& inputs) const;
    std::vector<std::vector<Explanation>> explain(const Tensor& inputs, const ExplainOptions& options) const;
};

namespace {

explain::NetworkOptions network_options(const ExplainerOptions& options,
                                        std::optional<std::span<const std::byte>> bytes = std::nullopt) {
    explain::NetworkOptions result{.input = options.input,
                                   .output = options.output,
                                   .threads = options.threads,
                                   .device = options.cuda ? runtime::Device::cuda : runtime::Device::cpu,
                                   .stop = options.stop,
                                   .preprocessing = options.preprocessing,
                                   .bytes = bytes};
    for (const auto& [name, value] : options.feeds) result.feeds.emplace_back(name, value);
    return result;
}

explain::ClassSelection selection(const std::vector<ClassRequest>& requests, std::int64_t classes) {
    explain::ClassSelection result{.top_k = 0};
    for (const ClassRequest& request : requests) {
        if (request.top_k && request.index)
            throw Error(ErrorKind::usage, fmt::format("a class request asks for top:{} and for class {}: it takes one",
                                                      *request.top_k, *request.index));
        if (!request.top_k && !request.index)
            throw Error(ErrorKind::usage,
                        "no class is asked for by one of the requests: it takes a number or an index");
        if (request.top_k) {
            if (*request.top_k < 1)
                throw Error(ErrorKind::usage, fmt::format("top:{} asks for no class: K is 1 or more", *request.top_k));
            if (*request.top_k > classes) {
                throw Error(ErrorKind::usage, fmt::format("top:{} asks for more classes than the {} that the model has",
                                                          *request.top_k, classes));
            }
            result.top_k = std::max(result.top_k, *request.top_k);
        } else {
            if (*request.index < 0 || *request.index >= classes) {
                throw Error(ErrorKind::usage, fmt::format("class {} is out of range: the model has {} classes, 0 to {}",
                                                          *request.index, classes, classes - 1));
            }
            if (std::find(result.indices.begin(), result.indices.end(), *request.index) == result.indices.end()) {
                result.indices.push_back(*request.index);
            }
        }
    }
    if (result.top_k == 0 && result.indices.empty())
        throw Error(ErrorKind::usage, "no class is asked for: name one, or ask for the best ones");
    return result;
}

/// Throws where scores are not numbers: Error(usage) where the inputs are none either, else Error(model).
void require_scores(const Tensor& logits, const Tensor& inputs) {
    const auto values = logits.values<float>();
    // Minus infinity is a class ruled out.
    if (std::ranges::all_of(values, [](float logit) { return logit < INFINITY; })) return;
    if (!model::is_finite(inputs))
        throw Error(ErrorKind::usage,
                    "the input holds infinity, and the network makes no numbers of it: give it finite values");
    throw Error(ErrorKind::model,
                "the network's scores for this input are not numbers: values overflow on the way (what do --mean, "
                "--std and --range make of its pixels?)");
}

/// Inputs in the type that the network takes. Throws Error(usage) where its bytes cannot hold them, as those of
/// normalised photos.
Tensor in_type_of(const explain::Network& network, const Tensor& inputs) {
    if (inputs.type() == network.input_type) return inputs;
    if (network.input_type == DataType::uint8) {
        const Tensor numbers = inputs.to_float32();
        for (const float value : numbers.values<float>()) {
            if (value > -0.5F && value < 255.5F) continue;
            throw Error(
                ErrorKind::usage,
                fmt::format("the input {} takes bytes, 0 to 255, but the array holds {}: give it pixels that are "
                            "not normalised",
                            text::quote(network.input), value));
        }
    }
    return inputs.to(network.input_type);
}

/// The network's scores of a photo.
Tensor embedding(const explain::Network& network, const Image& photo) {
    const Tensor input = preprocess(photo, network.preprocessing);
    const explain::InputScores scores(network, {}, false);
    return scores.run(in_type_of(network, input));
}

explain::MethodOptions options_of_methods(const ExplainerOptions& options, const explain::Network& network) {
    explain::MethodOptions result{
        .layer = options.layer, .seed = options.seed, .memory_limit = options.memory_limit, .parts = options.parts > 0};
    for (const auto& [key, value] : options.settings) explain::set(result, key, value);
    if (options.target_embedding && options.target_image)
        throw Error(ErrorKind::usage, "a target embedding and a target image both say what to compare with: give one");
    result.target.mask = options.target_mask;
    result.target.reference = options.target_embedding;
    if (options.target_image) result.target.reference = embedding(network, *options.target_image);
    explain::require_suitable(result.target);
    return result;
}

/// Methods run graphs of their own, whose scores differ in the last bits: of two classes that nearly tie, each may find
/// another one best.
bool agree_on_classes(const std::vector<Attribution>& attributions) {
    const auto classes = attributions.front().class_indices.values<std::int64_t>();
    return std::all_of(attributions.begin(), attributions.end(), [&](const Attribution& a) {
        return std::ranges::equal(classes, a.class_indices.values<std::int64_t>());
    });
}

/// The classes of one item, by index.
std::vector<ClassRequest> as_requests(const Attribution& one_item) {
    std::vector<ClassRequest> requests;
    for (const std::int64_t index : one_item.class_indices.values<std::int64_t>())
        requests.push_back(ClassRequest::at(static_cast<int>(index)));
    return requests;
}

}  // namespace

void Explainer::State::prepare(const std::string& asked, const explain::MethodOptions& options) {
    if (asked == "auto") {
        methods = {&explain::choose_automatic_method(network, options, [&](const explain::Method& method) {
            prepared.emplace(network, std::vector{&method}, options);
        })};
        return;
    }
    const auto words = text::split(asked, ',');
    methods = explain::named_methods({words.begin(), words.end()}, network, options);
    explain::require_effect(methods, options);
    prepared.emplace(network, methods, options);
}

explain::ClassSelection Explainer::State::selection(const std::vector<ClassRequest>& requests) const {
    explain::ClassSelection asked = locus::selection(requests, prepared->classes());
    if (targets.front().kind != explain::TargetKind::similarity) return asked;
    if (asked.top_k != 1 || !asked.indices.empty())
        throw Error(ErrorKind::usage, "the target similarity compares all scores at once: no class is asked for");
    return {.top_k = 0, .indices = {0}};
}

Explainer::State::State(const std::filesystem::path& model, std::optional<std::span<const std::byte>> bytes,
                        const ExplainerOptions& options)
    : file(model), is_in_memory(bytes.has_value()), given(options) {
    if (options.parts < 0)
        throw Error(ErrorKind::usage, fmt::format("{} parts are not possible: 0 or more are", options.parts));
    network = explain::load_network(file, network_options(options, bytes));
    const explain::MethodOptions method_options = options_of_methods(options, network);
    prepare(options.method, method_options);
    augment = method_options.augment;
    for (std::size_t i = 0; i < methods.size(); ++i) {
        const explain::Method& method = *methods[i];
        explain::MethodOptions adjusted = method_options;
        if (method.adjust != nullptr) method.adjust(network, adjusted);
        targets.push_back(std::move(adjusted.target));
        names.push_back(method.name);
        layers.push_back(prepared->target_layer(i));
    }
    given.method = fmt::format("{}", fmt::join(names, ","));
    explain::warn_of_bypassed_layer(methods, network, method_options);
    parts = options.parts;
    if (parts > 0 && !prepared->has_parts()) {
        network.warnings.emplace_back(
            "no map is taken apart (--decompose): only cam's own, of a logit, is a weighted sum of feature maps");
    }
    describe();
    network.model.graph = {};  // the session holds the weights
}

/// What callers ask of the model, while its graph is there.
void Explainer::State::describe() {
    const model::ClassifierHead& head = network.head;
    info = {.input = network.input,
            .output = head.output,
            .pool = std::string(name(head.pool)),
            .activation = std::string(name(head.activation)),
            .classes = prepared->classes(),
            .fixed_batch = network.fixed_batch,
            .origins = network.origins};
    for (const model::Dimension& size : *network.model.graph.find_input(network.input)->shape)
        declared.push_back(size.value.value_or(-1));
    if (std::string assumed = model::assumed_statistics(network.origins); !assumed.empty())
        network.warnings.push_back(std::move(assumed));
    const auto labels = static_cast<std::int64_t>(network.labels.size());
    if (labels != 0 && labels != prepared->classes())
        network.warnings.push_back(fmt::format("there are {} labels for {} classes", labels, prepared->classes()));
}

std::vector<std::string> layer_names(const std::filesystem::path& model, const ExplainerOptions& options) {
    return model::blaming_the_model(
        [&] { return explain::layer_names(explain::load_network(model, network_options(options))); });
}

Explainer::Explainer(const std::filesystem::path& model, const ExplainerOptions& options)
    : state_(model::blaming_the_model([&] { return std::make_unique<State>(model, std::nullopt, options); })) {}

Explainer::Explainer(std::span<const std::byte> model, const ExplainerOptions& options)
    : state_(model::blaming_the_model([&] { return std::make_unique<State>("the model in memory", model, options); })) {
}

Map Explanation::evidence() const {
    Map result = map;
    if (zero == 0 && sign > 0) return result;
    for (float& value : result.values) value = static_cast<float>(sign) * (value - static_cast<float>(zero));
    return result;
}

Explainer::Explainer(Explainer&&) noexcept = default;
Explainer& Explainer::operator=(Explainer&&) noexcept = default;
Explainer::~Explainer() = default;

const Explainer::State& Explainer::state() const {
    if (state_ == nullptr)
        throw Error(ErrorKind::usage, "the Explainer was moved from: assign one to it before it is used again");
    return *state_;
}

std::vector<Explanation> Explainer::explain(const Image& image, const ExplainOptions& options) const {
    const Preprocessing& p = state().network.preprocessing;
    std::vector<Explanation> explanations = state().explain(preprocess(image, p), options).front();
    for (Explanation& e : explanations) e.region = visible_region(image.width, image.height, p);
    return explanations;
}

std::vector<std::vector<Explanation>> Explainer::explain(const Tensor& inputs, const ExplainOptions& options) const {
    state().selection(options.classes);  // what is wrong with them is told before what is wrong with the inputs
    state().require_inputs(inputs);
    try {
        return state().explain(inputs, options);
    } catch (const Error& error) {
        // What fails on another size than photos have fails because of the size.
        const Shape made = explain::input_shape(state().network, inputs.shape()[0]);
        if (error.kind() != ErrorKind::model || inputs.shape() == made) throw;
        throw Error(ErrorKind::usage, fmt::format("inputs of the shape {} do not pass the network, {} do: {}",
                                                  to_string(inputs.shape()), to_string(made), error.what()));
    }
}

/// What would fail in one way here and in another there, by the method, is refused before any of them runs.
void Explainer::State::require_inputs(const Tensor& inputs) const {
    const Shape& shape = inputs.shape();
    const bool last = network.preprocessing.layout == Layout::nhwc;
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorKind::usage, fmt::format("inputs have the shape {}{}", to_string(shape), why));
    };
    if (shape.size() != 4) refuse(fmt::format(", but [N, {}] is needed", last ? "H, W, C" : "C, H, W"));
    for (std::size_t i = 0; i < 4; ++i) {
        if (shape[i] == 0) refuse(fmt::format(": {} is 0, where 1 is the least", (last ? "NHWC" : "NCHW")[i]));
    }
    const Shape made = input_shape(network, shape[0]);
    Shape wanted = made;
    for (const std::size_t side : {last ? 1U : 2U, last ? 2U : 3U}) {
        if (declared[side] < 0) wanted[side] = shape[side];  // whether a size that is open will do, the method tells
    }
    if (shape != wanted) refuse(fmt::format(", but the network takes {}", to_string(made)));
    model::require_numbers(inputs, "the input");
}

/// The methods for inputs of this size; nullptr: these methods themselves.
std::shared_ptr<const Explainer::State> Explainer::State::of_size(const Tensor& inputs) const {
    constexpr std::size_t most = 4;  // each holds the weights
    const Shape& shape = inputs.shape();
    if (shape == input_shape(network, shape[0])) return nullptr;
    if (std::ranges::all_of(methods, [](const explain::Method* method) { return method->takes_any_size; }))
        return nullptr;
    if (is_in_memory)
        throw Error(ErrorKind::usage,
                    fmt::format("inputs of the shape {} need methods made for their size, and the model was in memory "
                                "when it was opened: open one with this size in ExplainerOptions::preprocessing",
                                to_string(shape)));
    const bool last = network.preprocessing.layout == Layout::nhwc;
    const int height = static_cast<int>(shape[last ? 1 : 2]), width = static_cast<int>(shape[last ? 2 : 3]);
    const std::scoped_lock lock(sizes_mutex);
    auto found = std::ranges::find_if(sizes, [&](const OfSize& s) { return s.width == width && s.height == height; });
    if (found == sizes.end()) {
        ExplainerOptions options = given;
        options.preprocessing = [width, height, change = given.preprocessing](Preprocessing& p) {
            if (change) change(p);
            p.width = width;
            p.height = height;
        };
        OfSize made{width, height, nullptr, std::nullopt};
        try {
            const auto state =
                model::blaming_the_model([&] { return std::make_shared<State>(file, std::nullopt, options); });
            state->network.labels = network.labels;
            made.state = state;
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::io || error.kind() == ErrorKind::resource) throw;
            made.refusal = Error(ErrorKind::model, error.what());
        }
        if (sizes.size() == most) sizes.pop_front();
        sizes.push_back(std::move(made));
        found = sizes.end() - 1;
    }
    if (found->refusal) throw *found->refusal;
    return found->state;
}

std::vector<std::vector<Explanation>> Explainer::State::explain(const Tensor& inputs,
                                                                const ExplainOptions& options) const {
    if (const auto own = of_size(inputs)) return own->explain(inputs, options);
    const explain::ClassSelection classes = selection(options.classes);
    const Tensor typed = in_type_of(network, inputs);
    const auto run = [&](const Tensor& images, const explain::ClassSelection& asked) {
        return model::blaming_the_model([&] { return prepared->explain(images, asked); });
    };
    const std::vector<Attribution> attributions =
        augment ? explain::augmented(run, network.preprocessing.layout, typed, classes) : run(typed, classes);
    for (const Attribution& attribution : attributions) require_scores(attribution.logits, typed);
    if (!agree_on_classes(attributions)) {
        const std::int64_t items = inputs.shape()[0];
        if (items == 1) return explain(inputs, {as_requests(attributions.front())});
        std::vector<std::vector<Explanation>> one_by_one;
        for (std::int64_t item = 0; item < items; ++item)
            one_by_one.push_back(explain(explain::rows(inputs, item, 1), options).front());
        return one_by_one;
    }
    const bool last = network.preprocessing.layout == Layout::nhwc;
    const Region whole{.width = static_cast<double>(inputs.shape()[last ? 2 : 3]),
                       .height = static_cast<double>(inputs.shape()[last ? 1 : 2])};
    std::vector<std::vector<Explanation>> result;
    for (std::int64_t item = 0; item < inputs.shape()[0]; ++item) {
        std::vector<std::vector<Explanation>> by_method;
        for (std::size_t i = 0; i < attributions.size(); ++i) {
            by_method.push_back(explain::explanations_of(attributions[i], static_cast<std::size_t>(item), network,
                                                         targets[i], methods[i]->final_map, parts));
            for (Explanation& e : by_method.back()) {
                e.region = whole;
                e.method = names[i];
                e.layer = layers[i];
            }
        }
        auto& all = result.emplace_back();
        for (std::size_t c = 0; c < by_method.front().size(); ++c) {
            for (auto& explanations : by_method) all.push_back(std::move(explanations[c]));
        }
    }
    return result;
}

void Explainer::check(const std::vector<ClassRequest>& classes) const { state().selection(classes); }

const ModelInfo& Explainer::model() const { return state().info; }
const Preprocessing& Explainer::preprocessing() const { return state().network.preprocessing; }
const std::vector<std::string>& Explainer::labels() const { return state().network.labels; }
void Explainer::set_labels(std::vector<std::string> labels) {
    if (model().classes > 0) explain::require_one_a_class(labels, model().classes);
    state_->network.labels = std::move(labels);
    state_->sizes.clear();
    state_->info.origins["labels"] = "given";
}
const std::vector<std::string>& Explainer::methods() const { return state().names; }
const std::string& Explainer::method() const { return state().names.front(); }
const std::string& Explainer::target_layer() const { return state().layers.front(); }
const std::vector<std::string>& Explainer::warnings() const { return state().network.warnings; }

std::vector<std::string> method_names() {
    std::vector<std::string> names;
    for (const explain::Method& method : explain::methods()) names.push_back(method.name);
    return names;
}

}  // namespace locus
