#include "model/metadata/input_facts.hpp"

#include <set>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using text::quote;

/// The layout of an input whose channels are neither three nor one: they are fewer than the rows and columns, or alone
/// in having a number. nullopt where nothing tells.
std::optional<Layout> layout_of_other(const std::vector<Dimension>& shape) {
    const auto count = [&](std::size_t i) { return shape[i].value && *shape[i].value > 0 ? *shape[i].value : 0; };
    const std::int64_t first = count(1), middle = count(2), last = count(3);
    if (first > 0 && last > 0) return last < first ? Layout::nhwc : Layout::nchw;
    if (first > 0 && middle == 0) return Layout::nchw;
    if (last > 0 && middle == 0) return Layout::nhwc;
    return std::nullopt;
}

struct ConvolvedInput {
    std::int64_t channels;
    Layout layout;
};

/// Whether a node leaves the channels where they are, as those do that lie between an input and its convolution.
bool keeps_channels(const Node& node) {
    static const std::set<std::string, std::less<>> types{
        "Identity",          "Cast", "Sub", "Add", "Mul", "Div", "QuantizeLinear", "DequantizeLinear", "Pad",
        "BatchNormalization"};
    return node.domain.empty() && types.contains(node.op_type);
}

/// What the first convolution says of an input whose channels have no number, as exporters leave them that leave every
/// size open. nullopt where something else reads the input first, or the convolution's weight is computed.
std::optional<ConvolvedInput> read_by_convolution(const Graph& graph, const std::string& input) {
    const Index index(graph);
    Layout layout = Layout::nchw;
    for (std::string tensor = input;;) {
        const auto& readers = index.consumers(tensor);
        if (readers.empty()) return std::nullopt;
        const Node& node = *readers.front();
        if (node.is("Conv")) {
            const Tensor* weight = graph.find_constant(node.input(1));
            if (weight == nullptr || weight->rank() != 4) return std::nullopt;
            return ConvolvedInput{weight->shape()[1] * node.int_or("group", 1), layout};
        }
        if (node.is("Transpose") && layout == Layout::nchw &&
            node.ints_or("perm", {}) == std::vector<std::int64_t>{0, 3, 1, 2}) {
            layout = Layout::nhwc;
        } else if (!keeps_channels(node)) {
            return std::nullopt;
        }
        tensor = node.output(0);
    }
}

}  // namespace

InputFacts input_facts(const Graph& graph, const ValueInfo& input) {
    InputFacts facts;
    facts.said.origin = "graph input";
    facts.type = input.type;
    if (input.type != DataType::float32 && input.type != DataType::float16 && input.type != DataType::uint8) {
        throw Error(
            ErrorKind::model,
            fmt::format("the input {} takes {}, not pictures: float, float16 or uint8", quote(input.name),
                        input.other_type ? "no tensors" : fmt::format("elements of type {}", name(input.type))));
    }
    if (!input.shape) return facts;
    const std::vector<Dimension>& shape = *input.shape;
    if (shape.size() != 4) {
        throw Error(ErrorKind::model,
                    fmt::format("the input {} has {} dimensions; pictures take four: [n, channels, height, width] or "
                                "[n, height, width, channels]",
                                quote(input.name), shape.size()));
    }
    const auto is_channels = [&](std::size_t i) {
        return shape[i].value && (*shape[i].value == 3 || *shape[i].value == 1);
    };
    // With three at either end the usual order is taken.
    if (is_channels(1)) facts.said.layout = Layout::nchw;
    if (!is_channels(1) && is_channels(3)) facts.said.layout = Layout::nhwc;
    if (!facts.said.layout) facts.said.layout = layout_of_other(shape);
    if (const auto read = facts.said.layout ? std::nullopt : read_by_convolution(graph, input.name)) {
        facts.said.layout = read->layout;
        facts.channels = read->channels;
    }
    if (!facts.said.layout) return facts;
    const bool first = *facts.said.layout == Layout::nchw;
    if (const auto& declared = shape[first ? 1 : 3].value) facts.channels = declared;
    const auto side = [&](std::size_t i) -> std::optional<int> {
        if (!shape[i].value || *shape[i].value < 1) return std::nullopt;
        if (*shape[i].value > most_input_side) {
            throw Error(ErrorKind::model,
                        fmt::format("the input {} wants pictures of {} pixels a side, more than any has",
                                    quote(input.name), *shape[i].value));
        }
        return static_cast<int>(*shape[i].value);
    };
    facts.said.height = side(first ? 2 : 1);
    facts.said.width = side(first ? 3 : 2);
    return facts;
}

}  // namespace locus::model
