#include "model/shapes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::model {

bool Shapes::contains(const std::string& tensor) const {
    return worlds_[0].contains(tensor) && worlds_[1].contains(tensor);
}

const KnownTensor& Shapes::one(const std::string& tensor) const {
    const auto found = worlds_[0].find(tensor);
    if (found == worlds_[0].end()) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("the shape of the tensor {} is not known", text::quote(tensor)));
    }
    return found->second;
}

DataType Shapes::type(const std::string& tensor) const { return one(tensor).type; }

Shape Shapes::shape(const std::string& tensor) const {
    Shape shape = one(tensor).shape;
    const Shape& other = worlds_[1].at(tensor).shape;
    if (shape.size() != other.size()) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("the rank of the tensor {} follows the batch size", text::quote(tensor)));
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] != other[i]) shape[i] = -1;
    }
    return shape;
}

Shape Shapes::shape_of_first_batch(const std::string& tensor) const { return one(tensor).shape; }

std::size_t Shapes::rank(const std::string& tensor) const { return shape(tensor).size(); }

const Tensor* Shapes::value(const std::string& tensor) const {
    const auto found = worlds_[0].find(tensor), other = worlds_[1].find(tensor);
    if (found == worlds_[0].end() || other == worlds_[1].end() || !found->second.value || !other->second.value)
        return nullptr;
    const Tensor &a = *found->second.value, &b = *other->second.value;
    const auto x = a.bytes(), y = b.bytes();
    if (a.shape() != b.shape() || (x.data() != y.data() && !std::equal(x.begin(), x.end(), y.begin(), y.end())))
        return nullptr;
    return &a;
}

bool Shapes::is_float(const std::string& tensor) const { return is_floating(type(tensor)); }

void Shapes::set_rows(const std::string& tensor, const std::string& other, const Shape& of_row) {
    std::array<KnownTensor, 2> known;
    for (std::size_t i = 0; i < known.size(); ++i) {
        Shape shape{worlds_[i].at(other).shape.at(0)};
        shape.insert(shape.end(), of_row.begin(), of_row.end());
        known[i] = {DataType::int64, std::move(shape), {}};
    }
    set(tensor, known[0], known[1]);
}

bool Shapes::shares_first(const std::string& tensor, const std::string& other) const {
    return std::all_of(worlds_.begin(), worlds_.end(), [&](const KnownTensors& world) {
        const auto a = world.find(tensor), b = world.find(other);
        return a != world.end() && b != world.end() && !a->second.shape.empty() && !b->second.shape.empty() &&
               a->second.shape[0] == b->second.shape[0];
    });
}

void Shapes::set(const std::string& tensor, KnownTensor one, KnownTensor other) {
    worlds_[0][tensor] = std::move(one);
    worlds_[1][tensor] = std::move(other);
}

void Shapes::set_constant(const std::string& tensor, const Tensor& value) {
    const KnownTensor known{value.type(), value.shape(), value};
    set(tensor, known, known);
}

bool Shapes::infer(const Node& node, std::int64_t opset) {
    return infer_node(node, opset, worlds_[0]) && infer_node(node, opset, worlds_[1]);
}

void Shapes::update(const Model& model) {
    for (const auto& [name, value] : model.graph.initializers) {
        if (!contains(name)) set_constant(name, value);
    }
    const auto opset = model.opset();
    for (const Node& node : model.graph.nodes) {
        const auto missing = [&](const std::string& output) { return !output.empty() && !contains(output); };
        if (std::any_of(node.outputs.begin(), node.outputs.end(), missing)) infer(node, opset);
    }
}

void Shapes::set_like(const std::string& tensor, const std::string& other, DataType type, std::size_t rank) {
    std::array<KnownTensor, 2> known;
    for (std::size_t i = 0; i < known.size(); ++i) {
        known[i] = {type, worlds_[i].at(other).shape, {}};
        known[i].shape.resize(std::min(rank, known[i].shape.size()));
    }
    set(tensor, known[0], known[1]);
}

std::vector<std::string> Shapes::unknown(const Graph& graph) const {
    std::vector<std::string> names;
    for (const Node& node : graph.nodes) {
        for (const auto& output : node.outputs) {
            if (!output.empty() && !contains(output)) names.push_back(output);
        }
    }
    return names;
}

Shapes infer_shapes(const Model& model, const std::map<std::string, Shape>& input_shapes) {
    Shapes shapes;
    for (const ValueInfo& input : model.graph.inputs) {
        Shape shape;
        if (const auto given = input_shapes.find(input.name); given != input_shapes.end()) {
            shape = given->second;
        } else if (input.shape) {
            for (const Dimension& dimension : *input.shape) shape.push_back(dimension.value.value_or(-1));
        } else {
            throw Error(ErrorKind::usage,
                        fmt::format("the input {} declares no shape; give one", text::quote(input.name)));
        }
        std::array<KnownTensor, 2> known{KnownTensor{input.type, shape, {}}, KnownTensor{input.type, shape, {}}};
        for (std::size_t i = 0; i < shape.size(); ++i) {
            if (shape[i] >= 0) continue;
            if (i > 0) {
                throw Error(ErrorKind::usage,
                            fmt::format("dimension {} of the input {} {} is not fixed by the model; give its shape", i,
                                        text::quote(input.name), to_string(shape)));
            }
            known[0].shape[i] = shape_batches[0];
            known[1].shape[i] = shape_batches[1];
        }
        shapes.set(input.name, known[0], known[1]);
    }
    shapes.update(model);
    return shapes;
}

std::int64_t positive_axis(std::int64_t axis, std::size_t rank) {
    return axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
}

}  // namespace locus::model
