// Operators that make tensors from shapes and numbers.

#include <algorithm>
#include <cmath>

#include "model/first_number.hpp"
#include "model/shape_rules/rule.hpp"

namespace locus::model::shape_rules {
namespace {

void shape_of(Inference& n) {
    const auto start = n.place(n.node.int_or("start", 0), n.rank());
    const auto stop = n.place(std::min(n.node.int_or("end", n.rank()), n.rank()), n.rank());
    n.out(0, DataType::int64, {std::max<std::int64_t>(0, stop - start)});
}

void size_of(Inference& n) { n.out(0, DataType::int64, {}); }

void range(Inference& n) {
    const auto at = [&](std::size_t i) {
        if (n.value(i).size() != 1) throw Unknown{};
        return first_number(n.value(i));
    };
    const auto count = std::max(0.0, std::ceil((at(1) - at(0)) / at(2)));
    if (!(count < 0x1p53)) throw Unknown{};
    n.out(0, n.in(0).type, {static_cast<std::int64_t>(count)});
}

void constant_of_shape(Inference& n) {
    const auto value = n.node.attributes.find("value");
    n.out(0, value == n.node.attributes.end() ? DataType::float32 : std::get<Tensor>(value->second).type(), n.ints(0));
}

void constant(Inference& n) {
    const auto value = n.node.attributes.find("value");
    if (value == n.node.attributes.end() || n.node.output(0).empty()) throw Unknown{};
    const auto& tensor = std::get<Tensor>(value->second);
    n.out(0, tensor.type(), tensor.shape());
    n.known[n.node.output(0)].value = tensor;
}

}  // namespace

const RuleTable& value_rules() {
    static const RuleTable table{
        {"Shape", shape_of},    {"Size", size_of}, {"Range", range}, {"ConstantOfShape", constant_of_shape},
        {"Constant", constant},
    };
    return table;
}

}  // namespace locus::model::shape_rules
