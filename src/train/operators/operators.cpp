#include "train/operators/operators.hpp"

#include <algorithm>
#include <array>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::train {

void cannot_run(const model::Node& node, const std::string& what) {
    throw Error(ErrorKind::unsupported, fmt::format("training cannot run {} ({}): {} is not supported",
                                                    node.description(), node.op_type, what));
}

const at::Tensor& Call::input(std::size_t i) const {
    if (!has(i)) {
        throw Error(ErrorKind::model, fmt::format("{} ({}) lacks its input {}", node.description(), node.op_type, i));
    }
    return inputs[i];
}

std::vector<std::int64_t> Call::integers(std::size_t i) const {
    const at::Tensor values = input(i).to(at::kCPU, at::kLong).contiguous();
    return {values.data_ptr<std::int64_t>(), values.data_ptr<std::int64_t>() + values.numel()};
}

std::optional<std::vector<std::int64_t>> Call::integers_or_attribute(std::size_t i, std::string_view attribute) const {
    if (has(i)) return integers(i);
    if (node.has(attribute)) return node.ints_or(attribute, {});
    return std::nullopt;
}

std::int64_t positive_axis(const Call& call, std::int64_t axis, std::int64_t rank) {
    if (axis < -rank || axis >= std::max<std::int64_t>(rank, 1)) {
        throw Error(ErrorKind::model, fmt::format("{} ({}): axis {} is outside a tensor of {} dimensions",
                                                  call.node.description(), call.node.op_type, axis, rank));
    }
    return axis < 0 ? axis + rank : axis;
}

Precision precision_of(std::string_view op_type) {
    if (op_type == "Conv") return Precision::reduced;
    constexpr std::array as_given{"BatchNormalization", "Relu", "LeakyRelu", "Add", "Concat", "MaxPool", "Identity"};
    const bool keeps = std::find(as_given.begin(), as_given.end(), op_type) != as_given.end();
    return keeps ? Precision::as_given : Precision::full;
}

namespace {

/// All tables in one.
const OperatorTable& all_operators() {
    static const OperatorTable table = [] {
        OperatorTable all = network_operators();
        for (const OperatorTable* part :
             {&normalization_operators(), &elementwise_operators(), &shape_operators(), &indexing_operators(),
              &reduction_operators(), &resampling_operators(), &quantization_operators()})
            all.insert(part->begin(), part->end());
        return all;
    }();
    return table;
}

}  // namespace

Operator find_operator(std::string_view op_type) {
    const auto found = all_operators().find(op_type);
    return found == all_operators().end() ? nullptr : found->second;
}

std::vector<std::string> operator_names() {
    std::vector<std::string> names;
    for (const auto& [name, run] : all_operators()) names.emplace_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace locus::train
