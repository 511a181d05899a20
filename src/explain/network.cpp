#include "explain/network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <set>

#include <fmt/format.h>

#include "explain/batches.hpp"
#include "explain/random_numbers.hpp"
#include "image/preprocess.hpp"
#include "locus/error.hpp"
#include "model/finite.hpp"
#include "model/integer_division.hpp"
#include "model/known_branches.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/position_axes.hpp"
#include "model/resize_scales.hpp"
#include "model/score_outputs.hpp"
#include "model/shapes.hpp"
#include "model/tensor_misuse.hpp"
#include "runtime/pass_needs.hpp"
#include "runtime/thread_count.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::explain {
namespace {

/// "float [batch, 4]", as the model declares it; a dimension without number or symbol is "?".
std::string declared(const model::ValueInfo& input) {
    const std::string type(locus::name(input.type));
    if (!input.shape) return type + " of any shape";
    std::vector<std::string> sizes;
    for (const model::Dimension& size : *input.shape)
        sizes.push_back(size.value ? std::to_string(*size.value) : size.symbol.empty() ? "?" : size.symbol);
    return text::printable(fmt::format("{} [{}]", type, fmt::join(sizes, ", ")));
}

/// Whether a value has the input's type, and its shape or one that is broadcast to it: a value for one item serves a
/// graph that takes several.
bool suits(const Tensor& value, const model::ValueInfo& input) {
    if (value.type() != input.type) return false;
    if (!input.shape) return true;
    const Shape& shape = value.shape();
    if (shape.size() > input.shape->size()) return false;
    const auto is_taken = [](std::int64_t size, const model::Dimension& dimension) {
        return !dimension.value || size == *dimension.value || size == 1;
    };
    return std::equal(shape.rbegin(), shape.rend(), input.shape->rbegin(), is_taken);
}

/// What the first dimension is called; empty where it has a size or no name.
std::string batch_symbol(const model::ValueInfo* input) {
    if (input == nullptr || !input->shape || input->shape->empty() || input->shape->front().value) return "";
    return input->shape->front().symbol;
}

/// Other inputs become constants of the values that they are fed.
void bind_fed_inputs(model::Graph& graph, const std::string& image_input, const std::vector<runtime::Feed>& feeds) {
    std::vector<std::string> others;
    for (const auto& input : graph.inputs)
        if (input.name != image_input) others.push_back(input.name);
    std::set<std::string> fed;
    for (const auto& [name, value] : feeds) {
        const std::string quoted = text::quote(name);
        if (name == image_input)
            throw Error(ErrorKind::usage,
                        fmt::format("the input {} takes the image and cannot be fed from a file", quoted));
        const model::ValueInfo* input = graph.find_input(name);
        if (input == nullptr)
            throw Error(ErrorKind::usage,
                        fmt::format("the model has no input {} to feed{}", quoted, text::did_you_mean(name, others)));
        // ONNX Runtime would blame the model.
        if (!suits(value, *input))
            throw Error(ErrorKind::usage,
                        fmt::format("the input {} takes {}, but is fed {} {}", quoted, declared(*input),
                                    locus::name(value.type()), to_string(value.shape())));
        // Rows would go to photos by their places in a pass.
        const std::string batch = batch_symbol(graph.find_input(image_input));
        if (!batch.empty() && batch_symbol(input) == batch && value.rank() == input->shape->size() &&
            value.shape()[0] != 1)
            throw Error(ErrorKind::usage,
                        fmt::format("the input {} is fed {} rows, but its first dimension, {}, counts the photos: give "
                                    "one row, which serves them all",
                                    quoted, value.shape()[0], text::quote(batch)));
        if (!fed.insert(name).second)
            throw Error(ErrorKind::usage, fmt::format("the input {} is fed twice, but takes one value", quoted));
        model::require_numbers(value, fmt::format("the value that the input {} is fed", quoted));
        graph.initializers.insert_or_assign(name, value);
    }
    std::erase_if(graph.inputs, [&](const model::ValueInfo& input) { return fed.contains(input.name); });
}

/// Everything behind sees a network with one input.
void require_one_input(const model::Graph& graph, const std::string& image_input) {
    for (const auto& input : graph.inputs) {
        if (input.name != image_input) {
            throw Error(ErrorKind::usage,
                        fmt::format("the input {} needs a value, {}: give one with --feed {}=FILE.npy",
                                    text::quote(input.name), declared(input), text::printable(input.name)));
        }
    }
}

/// The node that normalises the input inside the graph, or null: arithmetic with constants before the first
/// convolution.
const model::Node* normalising_node(const model::Graph& graph, const std::string& input) {
    const model::Index index(graph);
    std::string tensor = input;
    while (true) {
        const auto& readers = index.consumers(tensor);
        if (readers.size() != 1) return nullptr;
        const model::Node& node = *readers.front();
        const bool moves = node.is("Cast") || node.is("Transpose") || node.is("Identity") || node.is("Reshape");
        const bool arithmetic = node.is("Sub") || node.is("Add") || node.is("Mul") || node.is("Div");
        if (arithmetic) {
            const std::string& other = node.input(0) == tensor ? node.input(1) : node.input(0);
            return graph.find_constant(other) != nullptr ? &node : nullptr;
        }
        if (node.is("BatchNormalization")) return &node;
        if (!moves) return nullptr;
        tensor = node.output(0);
    }
}

bool has_quantized_activations(const model::Graph& graph) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                       [](const model::Node& node) { return node.op_type == "QuantizeLinear"; });
}

/// Whether the graph, though it declares any number of items a pass, takes just one: exporters write the batch they saw
/// into a Reshape.
bool takes_one_item(const Network& network) {
    const auto rows_of_scores = [&](std::int64_t batch) -> std::optional<std::int64_t> {
        const model::Shapes shapes = model::infer_shapes(network.model, {{network.input, input_shape(network, batch)}});
        const std::string& scores = network.head.logits;
        if (!shapes.contains(scores) || shapes.rank(scores) == 0) return std::nullopt;
        return shapes.shape(scores).front();
    };
    try {
        return rows_of_scores(-1).value_or(1) == 1 && rows_of_scores(1) == 1;
    } catch (const Error&) {
        return false;  // what is wrong is said where shapes are needed
    }
}

/// Scores of one photo that were squeezed to [C] look like those of C photos. Throws Error(unsupported).
void require_batch_of_scores(const Network& network) {
    if (network.fixed_batch != 1) return;
    std::optional<model::Shapes> shapes;
    try {
        shapes.emplace(model::infer_shapes(network.model, {{network.input, input_shape(network, 1)}}));
    } catch (const Error&) {
        return;  // what is wrong is said where shapes are needed
    }
    const std::string& scores = network.head.logits;
    if (!shapes->contains(scores)) return;
    const Shape shape = shapes->shape(scores);
    if (shape.empty() || shape.front() == 1 || shape.front() < 0) return;  // below 0: not known
    throw Error(ErrorKind::unsupported,
                fmt::format("the scores {} of one photo have the shape {}, but their first dimension has to count the "
                            "photos, [1, {}]: export the model without squeezing it away",
                            text::quote(scores), to_string(shape), shape.front()));
}

/// Throws Error(usage) where somebody says of photos what lies beyond the limits of locus/preprocessing.hpp. Of inputs
/// that are no photos mean, std and range mean nothing.
void require_within_limits(const Preprocessing& p) {
    if (p.color == ColorOrder::other) return;
    for (const float mean : p.mean) {
        if (!(std::abs(mean) <= most_mean))
            throw Error(ErrorKind::usage,
                        fmt::format("a mean of {} is not possible: it is of values scaled to 0..1 and lies within {} "
                                    "of 0",
                                    mean, most_mean));
    }
    for (const float deviation : p.std) {
        if (!(deviation >= least_std && deviation <= most_std))
            throw Error(ErrorKind::usage,
                        fmt::format("a standard deviation of {} is not possible: it is greater than 0, from {} to {}",
                                    deviation, least_std, most_std));
    }
    if (!(p.range > 0 && p.range <= most_range))
        throw Error(ErrorKind::usage,
                    fmt::format("a range of {} is not possible: it is the value of white, 1 or 255, and greater than "
                                "0, at most {}",
                                p.range, most_range));
}

/// Lets a person change what was found; values that become others are marked "given". Throws Error(usage) for what is
/// not possible.
void override_preprocessing(Network& network, const std::function<void(Preprocessing&)>& change) {
    Preprocessing& p = network.preprocessing;
    const Preprocessing found = p;
    change(p);
    if (p.type != found.type)
        throw Error(ErrorKind::usage, fmt::format("the preprocessing's type is {}, but the input {} takes {}",
                                                  name(p.type), text::quote(network.input), name(found.type)));
    image::input_shape(p, 1);  // throws for sizes and enumerations
    require_within_limits(p);
    // Mean and std may be given as what they are already: values that nobody gives tell.
    Preprocessing told = found;
    const auto none = Preprocessing{.mean = {-1.5F, -1.25F, -1.75F}, .std = {1.5F, 1.25F, 1.75F}};
    told.mean = none.mean;
    told.std = none.std;
    change(told);
    const auto mark = [&](const char* key, bool is_changed) {
        if (is_changed) network.origins[key] = "given";
    };
    mark("mean", told.mean != none.mean);
    mark("std", told.std != none.std);
    mark("range", p.range != found.range);
    mark("size", p.width != found.width || p.height != found.height);
    mark("layout", p.layout != found.layout);
    mark("color", p.color != found.color);
    mark("resize", p.resize != found.resize);
    mark("crop_pct", p.crop_pct != found.crop_pct);
}

/// Throws what model::load throws; of a model in memory in a sentence that names it.
model::Model read_model(const std::filesystem::path& file, const NetworkOptions& options) {
    if (!options.bytes) return model::load(file);
    try {
        return model::parse(*options.bytes);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("cannot load {}: {}", file.string(), error.what()));
    }
}

/// Finds the input that takes the image, and makes it the only one if the options say so.
model::ValueInfo take_image_input(Network& network, const NetworkOptions& options) {
    model::Graph& graph = network.model.graph;
    for (const auto& [name, value] : options.feeds) network.fed.push_back(name);
    model::ValueInfo input = model::find_image_input(graph, options.input, network.fed);
    network.input = input.name;
    network.input_type = input.type;
    if (!input.shape || input.shape->size() != 4) {
        throw Error(
            ErrorKind::model,
            fmt::format(
                "the input '{}' of {} has {}, but an image input has 4 dimensions, [n, C, H, W] or [n, H, W, C]",
                input.name, network.file.string(),
                input.shape ? fmt::format("{} dimensions", input.shape->size()) : "no declared shape"));
    }
    network.fixed_batch = input.shape->front().value;
    if (graph.inputs.size() > 1 && !network.fixed_batch)
        network.fixed_batch = 1;  // the values of the others belong to one item
    bind_fed_inputs(graph, network.input, options.feeds);
    if (options.bind_inputs) require_one_input(graph, network.input);
    // Those that stay without a value have it for as many photos as the image.
    for (model::ValueInfo& other : graph.inputs) {
        if (other.name != network.input && other.shape && !other.shape->empty() && !other.shape->front().value)
            other.shape->front() = {.value = network.fixed_batch};
    }
    return input;
}

/// Preprocessing and labels, as the model and the files beside it say, and as a person changes them.
void take_metadata(Network& network, const NetworkOptions& options, const model::ValueInfo& input) {
    const auto beside = options.bytes ? std::filesystem::path() : network.file;
    model::Metadata metadata = model::read_metadata(network.model, beside, input);
    network.preprocessing = metadata.preprocessing;
    network.labels = std::move(metadata.labels);
    network.origins = std::move(metadata.origins);
    if (options.preprocessing) override_preprocessing(network, options.preprocessing);
}

/// What depends on the input's shape alone becomes what it comes to.
void settle_for_input_shape(Network& network) {
    const std::map<std::string, Shape> shape{{network.input, input_shape(network, network.fixed_batch.value_or(-1))}};
    model::take_known_branches(network.model, shape);
    model::guard_integer_divisions(network.model, shape);
    model::settle_resize_scales(network.model, shape);
}

/// Axes of what a recognised head pools.
std::vector<std::size_t> pooled_axes(const model::ClassifierHead& head, std::size_t rank) {
    switch (head.layout) {
        case model::FeatureLayout::tokens:
            return {1};
        case model::FeatureLayout::channels_last:
            return {1, 2};
        case model::FeatureLayout::channels_first:
            break;
    }
    return rank == 4 ? std::vector<std::size_t>{2, 3} : std::vector<std::size_t>{2};
}

/// A mean over heads, experts or prototypes behind the pool looks like one over positions: it is no head whose map is
/// known.
void require_positions_pooled(Network& network) {
    model::ClassifierHead& head = network.head;
    if (head.kind == model::HeadKind::other) return;
    std::optional<model::Shapes> shapes;
    try {
        shapes.emplace(model::infer_shapes(network.model,
                                           {{network.input, input_shape(network, network.fixed_batch.value_or(-1))}}));
    } catch (const Error&) {
        return;  // what is wrong is said where shapes are needed
    }
    if (!shapes->contains(head.target_layer)) return;
    const model::PositionAxes positions(network.model.graph, network.input, image_axes(network), *shapes);
    const Shape shape = shapes->shape(head.target_layer);
    for (const std::size_t axis : pooled_axes(head, shape.size())) {
        if (axis < shape.size() && (shape[axis] == 1 || positions.holds(head.target_layer, axis))) continue;
        head.kind = model::HeadKind::other;
        head.reason =
            fmt::format("the scores are pooled from {} of shape {}, which holds no positions of the image any more",
                        text::quote(head.target_layer), to_string(shape));
        head.target_layer.clear();
        head.pool = model::Pool::none;
        head.chain.reset();
        return;
    }
}

void warn_of_other_scores(Network& network) {
    const auto outputs = model::score_outputs(network.model);
    if (outputs.size() < 2) return;
    std::vector<std::string> others;
    for (const std::string& name : outputs)
        if (name != network.head.output) others.push_back(text::quote(name));
    network.warnings.push_back(
        fmt::format("the model has several outputs that may be scores: {} is explained, not {} (--output)",
                    text::quote(network.head.output), fmt::join(others, ", ")));
}

void warn_of_normalising_twice(Network& network) {
    const auto& mean = network.preprocessing.mean;
    if (std::all_of(mean.begin(), mean.end(), [](float m) { return m == 0; })) return;
    if (const model::Node* node = normalising_node(network.model.graph, network.input)) {
        network.warnings.push_back(
            fmt::format("the graph itself normalises its input ({}); mean and std are applied before it as well: "
                        "set --mean 0 --std 1 if that is once too often",
                        node->description()));
    }
}

Network found_network(const std::filesystem::path& file, const NetworkOptions& options) {
    Network network;
    network.file = file;
    network.model = read_model(file, options);
    model::require_numbers(network.model.graph, file);
    const model::ValueInfo input = take_image_input(network, options);
    take_metadata(network, options, input);
    settle_for_input_shape(network);
    network.head = model::find_head(network.model, options.output);
    if (options.output.empty()) warn_of_other_scores(network);
    network.session = {.threads = runtime::bounded_threads(options.threads),
                       .device = options.device,
                       .fold_quantized_weights = !has_quantized_activations(network.model.graph),
                       .stop = options.stop};

    if (!network.fixed_batch && takes_one_item(network)) network.fixed_batch = 1;
    require_batch_of_scores(network);
    require_positions_pooled(network);
    const double bytes = require_fit(network.model, input, network.preprocessing, network.fixed_batch.value_or(1));
    if (options.bind_inputs) runtime::require_memory(bytes);
    warn_of_normalising_twice(network);
    return network;
}

}  // namespace

Network load_network(const std::filesystem::path& file, const NetworkOptions& options) {
    return model::blaming_the_model([&] { return found_network(file, options); });
}

double require_fit(const model::Model& model, const model::ValueInfo& input, const Preprocessing& p,
                   std::int64_t batch) {
    const Shape made = image::input_shape(p, batch);
    const auto takes = [&](const std::vector<model::Dimension>& shape) {
        bool fits = shape.size() == made.size();
        for (std::size_t i = 1; i < made.size() && fits; ++i) fits = !shape[i].value || *shape[i].value == made[i];
        return fits;
    };
    if (input.shape && !takes(*input.shape)) {
        throw Error(ErrorKind::usage,
                    fmt::format("the input {} takes {}, but photos would come as [n, {}]: {} of {} x {} pixels, {}",
                                text::quote(input.name), declared(input), fmt::join(made.begin() + 1, made.end(), ", "),
                                name(p.color), p.width, p.height, name(p.layout)));
    }
    return runtime::PassNeeds(model).bytes({{input.name, made}});
}

void require_one_a_class(const std::vector<std::string>& labels, std::int64_t classes) {
    if (static_cast<std::int64_t>(labels.size()) == classes) return;
    throw Error(ErrorKind::usage,
                fmt::format("there {} {}, but the model has {} classes: it takes one for each",
                            labels.size() == 1 ? "is" : "are",
                            labels.size() == 1 ? "1 label" : fmt::format("{} labels", labels.size()), classes));
}

Shape input_shape(const Network& network, std::int64_t batch) {
    return image::input_shape(network.preprocessing, batch);
}

std::vector<std::size_t> image_axes(const Network& network) {
    return network.preprocessing.layout == Layout::nhwc ? std::vector<std::size_t>{1, 2}
                                                        : std::vector<std::size_t>{2, 3};
}

Tensor random_input(const Network& network, std::int64_t batch, std::uint64_t seed) {
    Tensor values(DataType::float32, input_shape(network, batch));
    std::mt19937_64 random(seed);
    const bool bytes = network.input_type == DataType::uint8;
    const float white = network.preprocessing.range;
    for (float& value : values.mutable_values<float>()) {
        const auto share = static_cast<float>(uniform(random));
        value = bytes ? share * 255.0F : (2.0F * share - 1.0F) * white;
    }
    return values.to(network.input_type);
}

std::vector<Tensor> run_in_batches(const Network& network, const runtime::Session& session, const Tensor& inputs,
                                   const std::vector<runtime::Feed>& other_feeds,
                                   const std::vector<std::string>& outputs, const std::vector<std::string>& per_pass) {
    const std::int64_t count = inputs.shape().at(0);
    const auto run = [&](const Tensor& batch) {
        std::vector<runtime::Feed> feeds{{network.input, batch}};
        feeds.insert(feeds.end(), other_feeds.begin(), other_feeds.end());
        return session.run(feeds, outputs);
    };
    if (!network.fixed_batch || *network.fixed_batch == count) return run(inputs);

    std::vector<std::vector<Tensor>> parts(outputs.size());
    for (std::int64_t first = 0; first < count; first += *network.fixed_batch) {
        auto results = run(rows(inputs, first, *network.fixed_batch));
        for (std::size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(std::move(results[i]));
    }
    std::vector<Tensor> all;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const bool once = std::find(per_pass.begin(), per_pass.end(), outputs[i]) != per_pass.end();
        all.push_back(once ? parts[i].front() : joined_rows(parts[i], count));
    }
    return all;
}

}  // namespace locus::explain
