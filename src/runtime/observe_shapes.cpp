#include "runtime/observe_shapes.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "text/quote.hpp"

namespace locus::runtime {
namespace {

Shape declared_shape(const model::ValueInfo& input, const std::map<std::string, Shape>& given) {
    if (const auto found = given.find(input.name); found != given.end()) return found->second;
    if (!input.shape)
        throw Error(ErrorKind::usage, fmt::format("the input {} declares no shape; give one", text::quote(input.name)));
    Shape shape;
    for (const auto& dimension : *input.shape) shape.push_back(dimension.value.value_or(-1));
    return shape;
}

/// Tensors whose numbers, not only shapes, come from the graph's inputs.
std::unordered_set<std::string> data_tensors(const model::Graph& graph) {
    std::unordered_set<std::string> data;
    for (const auto& input : graph.inputs) data.insert(input.name);
    for (const auto& node : graph.nodes) {
        if (node.is("Shape") || node.is("Size")) continue;
        const std::vector<std::string> reads = node.reads();
        if (std::ranges::any_of(reads, [&](const std::string& tensor) { return data.contains(tensor); }))
            data.insert(node.outputs.begin(), node.outputs.end());
    }
    return data;
}

class Observer {
public:
    Observer(const model::Model& model, const std::map<std::string, Shape>& given)
        : model_(model), given_(given), data_(data_tensors(model.graph)), session_(exposed(), {.optimize = false}) {
        // Sequences and the like are no tensors.
        std::erase_if(names_, [&](const std::string& name) {
            return std::ranges::any_of(session_.outputs(), [&](const Port& port) {
                return port.name == name && port.type == DataType::undefined;
            });
        });
    }

    bool has_batch() const {
        return std::any_of(model_.graph.inputs.begin(), model_.graph.inputs.end(), [&](const auto& input) {
            const Shape shape = declared_shape(input, given_);
            return !shape.empty() && shape[0] < 0;
        });
    }

    model::KnownTensors run(std::int64_t batch) const {
        std::vector<Feed> feeds;
        model::KnownTensors known;
        for (const auto& input : model_.graph.inputs) {
            Shape shape = declared_shape(input, given_);
            for (auto& size : shape) {
                if (size < 0) size = batch;
            }
            feeds.emplace_back(input.name, Tensor(input.type, shape));
            known[input.name] = {input.type, shape, {}};
        }
        auto results = session_.run(feeds, names_);
        for (std::size_t i = 0; i < names_.size(); ++i) {
            auto& tensor = known[names_[i]];
            tensor = {results[i].type(), results[i].shape(), {}};
            if (!data_.contains(names_[i]) && results[i].size() <= model::largest_known_value)
                tensor.value = std::move(results[i]);
        }
        return known;
    }

private:
    model::Model exposed() {
        model::Model all = model_;
        all.graph.outputs.clear();
        for (const auto& node : all.graph.nodes) {
            for (const auto& output : node.outputs) {
                if (output.empty()) continue;
                names_.push_back(output);
                model::ValueInfo info;
                info.name = output;
                info.type = DataType::undefined;
                all.graph.outputs.push_back(info);
            }
        }
        return all;
    }

    const model::Model& model_;
    const std::map<std::string, Shape>& given_;
    std::unordered_set<std::string> data_;
    std::vector<std::string> names_;
    Session session_;
};

}  // namespace

model::Shapes observe_shapes(const model::Model& model, const std::map<std::string, Shape>& input_shapes) {
    const Observer observer(model, input_shapes);
    std::optional<model::KnownTensors> one, other;
    if (observer.has_batch()) {
        try {
            one = observer.run(model::shape_batches[0]);
            other = observer.run(model::shape_batches[1]);
        } catch (const Error&) {
            one.reset();  // the model says its batch is free, but only 1 works: then it is 1
        }
    }
    if (!one) one = other = observer.run(1);
    model::Shapes shapes;
    for (const auto& [name, value] : model.graph.initializers) shapes.set_constant(name, value);
    for (const auto& [name, tensor] : *one) shapes.set(name, tensor, other->at(name));
    return shapes;
}

model::Shapes known_shapes(const model::Model& model, const std::map<std::string, Shape>& input_shapes) {
    auto shapes = model::infer_shapes(model, input_shapes);
    if (shapes.unknown(model.graph).empty()) return shapes;
    return observe_shapes(model, input_shapes);
}

}  // namespace locus::runtime
