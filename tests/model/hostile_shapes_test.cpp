// Nodes from strangers: what a rule of shape inference cannot work out stays unknown, and nothing else happens.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "locus/error.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                       least = std::numeric_limits<std::int64_t>::min();

/// An input of a node: of a shape alone, or with a value.
struct Given {
    Shape shape;
    std::optional<Tensor> value;
};
Given data(Shape shape) { return {std::move(shape), std::nullopt}; }
Given ints(const Ints& values) {
    const auto value = Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
    return {value.shape(), value};
}
Given floats(const Floats& values) {
    const auto value = Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
    return {value.shape(), value};
}

struct Case {
    std::string title, op_type;
    std::vector<Given> inputs;
    std::map<std::string, Attribute> attributes;
    std::int64_t opset = 17;
    std::size_t outputs = 1;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.op_type << ": " << c.title; }

/// The first output's shape; nullopt where it is unknown.
std::optional<Shape> inferred(const Case& c) {
    Node node;
    node.op_type = c.op_type;
    for (const auto& [name, value] : c.attributes) node.attributes[name] = value;
    KnownTensors known;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
        node.inputs.push_back("x" + std::to_string(i));
        const Given& given = c.inputs[i];
        known[node.inputs.back()] = {given.value ? given.value->type() : DataType::float32, given.shape, given.value};
    }
    for (std::size_t i = 0; i < c.outputs; ++i) node.outputs.push_back("y" + std::to_string(i));
    if (!infer_node(node, c.opset, known)) return std::nullopt;
    return known.at("y0").shape;
}

class HostileNodes : public testing::TestWithParam<Case> {};

TEST_P(HostileNodes, StayUnknown) { EXPECT_EQ(inferred(GetParam()), std::nullopt); }

const Given photo = data({2, 3, 8, 8});
const Given far = data({2, most, 8, 8});

INSTANTIATE_TEST_SUITE_P(
    Axes, HostileNodes,
    testing::Values(Case{"behind the last", "Concat", {photo, photo}, {{"axis", std::int64_t{4}}}},
                    Case{"the least number", "Concat", {photo, photo}, {{"axis", least}}},
                    Case{"sums that cannot be counted", "Concat", {far, far}, {{"axis", std::int64_t{1}}}},
                    Case{"behind the last", "Flatten", {photo}, {{"axis", std::int64_t{5}}}},
                    Case{"the least number", "Flatten", {photo}, {{"axis", least}}},
                    Case{"products that cannot be counted", "Flatten", {far}, {{"axis", std::int64_t{1}}}},
                    Case{"behind the last", "Gather", {photo, ints({0})}, {{"axis", most}}},
                    Case{"before the first", "ReduceSum", {photo, ints({least})}},
                    Case{"behind the last", "ReduceMean", {photo}, {{"axes", Ints{most}}}},
                    Case{"behind the last", "ArgMax", {photo}, {{"axis", most}}},
                    Case{"behind the last", "Squeeze", {photo, ints({most})}},
                    Case{"the same twice", "Unsqueeze", {photo, ints({0, 0})}},
                    Case{"before the first", "Unsqueeze", {photo, ints({least})}},
                    Case{"behind the last", "TopK", {photo, ints({1})}, {{"axis", most}}},
                    Case{"behind the last", "LayerNormalization", {photo}, {{"axis", most}}},
                    Case{"behind the last", "OneHot", {photo, ints({5}), ints({0, 1})}, {{"axis", most}}},
                    Case{"batch_dims behind the last", "GatherND", {photo, ints({0})}, {{"batch_dims", most}}},
                    Case{"deeper than the data", "GatherND", {photo, data({1, most})}},
                    Case{"of a scalar", "GatherND", {photo, data({})}},
                    Case{"the least number", "Shape", {photo}, {{"start", least}}},
                    Case{"not as many as dimensions", "Transpose", {photo}, {{"perm", Ints(40, 0)}}},
                    Case{"behind the last", "Transpose", {photo}, {{"perm", Ints{0, 1, 2, most}}}},
                    Case{"before the first", "Transpose", {photo}, {{"perm", Ints{0, 1, 2, -1}}}}));

INSTANTIATE_TEST_SUITE_P(
    Sizes, HostileNodes,
    testing::Values(
        Case{"other than the elements", "Reshape", {photo, ints({7, -1})}},
        Case{"below -1", "Reshape", {photo, ints({least, 2})}},
        Case{"two to be found", "Reshape", {photo, ints({-1, -1})}},
        Case{"product that cannot be counted", "Reshape", {photo, ints({most, most, -1})}},
        Case{"elements that cannot be counted", "Reshape", {far, ints({-1})}},
        Case{"0 beyond the rank", "Reshape", {photo, ints({2, 3, 8, 8, 0})}},
        Case{"more dimensions than anybody has", "Reshape", {data({1}), ints(Ints(1000, 1))}},
        Case{"negative", "Expand", {photo, ints({least, 1, 1, 1})}},
        Case{"other than the data's", "Expand", {photo, ints({2, 5, 8, 8})}},
        Case{"more than can be counted", "Tile", {photo, ints({1, most, 1, 1})}},
        Case{"negative", "Tile", {photo, ints({1, -1, 1, 1})}},
        Case{"repeats for some only", "Tile", {photo, ints({1})}}, Case{"negative", "ConstantOfShape", {ints({-4})}},
        Case{"fill that is no tensor", "ConstantOfShape", {ints({4})}, {{"value", std::string("x")}}},
        Case{"for ever", "Range", {floats({0}), floats({1}), floats({0})}},
        Case{"bounds of several numbers", "Range", {floats({0, 1}), floats({1}), floats({1})}},
        Case{"more than can be counted", "Range", {floats({0}), floats({1e30F}), floats({1e-30F})}},
        Case{"more parts than given", "Split", {photo, ints({1})}, {{"axis", std::int64_t{1}}}, 17, 3},
        Case{"negative", "Split", {photo, ints({-1, 4})}, {{"axis", std::int64_t{1}}}, 17, 2},
        Case{"more parts than there is", "Split", {data({2})}, {}, 17, 4},
        Case{"into nothing", "Split", {photo}, {}, 17, 0}, Case{"too few", "Pad", {photo, ints({1})}},
        Case{"too many", "Pad", {photo, ints(Ints(9, 1))}},
        Case{"more than can be counted", "Pad", {photo, ints({0, most, 0, 0, 0, most, 0, 0})}},
        Case{"less than nothing", "Pad", {photo, ints({0, 0, -9, 0, 0, 0, 0, 0})}},
        Case{"negative", "TopK", {photo, ints({-1})}}, Case{"negative", "OneHot", {photo, ints({-5}), ints({0, 1})}},
        Case{"step of nothing", "Slice", {photo, ints({0}), ints({1}), ints({0}), ints({0})}},
        Case{"fewer ends than starts", "Slice", {photo, ints({0, 0}), ints({1})}},
        Case{"axis behind the last", "Slice", {photo, ints({0}), ints({1}), ints({most})}},
        Case{"that do not go together", "Add", {photo, data({5})}},
        Case{"that do not go together", "MatMul", {data({2, 3}), data({4, 5})}},
        Case{"of scalars", "MatMul", {data({}), data({})}}, Case{"of one dimension", "Gemm", {data({3}), data({3})}},
        Case{"more letters than dimensions", "Einsum", {photo}, {{"equation", std::string("abcdefg->a")}}},
        Case{"a letter from nowhere", "Einsum", {photo}, {{"equation", std::string("abcd->z")}}},
        Case{"more terms than inputs", "Einsum", {photo}, {{"equation", std::string("abcd,ab->c")}}}));

INSTANTIATE_TEST_SUITE_P(
    Windows, HostileNodes,
    testing::Values(
        Case{"no kernel", "MaxPool", {photo}},
        Case{"kernel of another rank", "MaxPool", {photo}, {{"kernel_shape", Ints{2}}}},
        Case{"kernel of nothing", "MaxPool", {photo}, {{"kernel_shape", Ints{0, 0}}}},
        Case{"kernel beyond counting", "MaxPool", {photo}, {{"kernel_shape", Ints{most, most}}}},
        Case{"strides of nothing", "MaxPool", {photo}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{0, 0}}}},
        Case{"strides below nothing", "MaxPool", {photo}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{least, 1}}}},
        Case{"dilations beyond counting", "Conv", {photo, data({4, 3, 3, 3})}, {{"dilations", Ints{most, most}}}},
        Case{"pads for one side", "Conv", {photo, data({4, 3, 3, 3})}, {{"pads", Ints{1, 1}}}},
        Case{"pads beyond counting", "Conv", {photo, data({4, 3, 3, 3})}, {{"pads", Ints{most, most, most, most}}}},
        Case{"pads below counting", "Conv", {photo, data({4, 3, 3, 3})}, {{"pads", Ints{least, 0, 0, 0}}}},
        Case{"a scalar", "Conv", {data({}), data({})}},
        Case{"weights for other channels", "Conv", {photo, data({4, 2, 3, 3})}},
        Case{"weights for channels of fewer groups", "Conv", {photo, data({6, 3, 3, 3})}, {{"group", std::int64_t{3}}}},
        Case{"groups that do not divide", "Conv", {photo, data({4, 1, 3, 3})}, {{"group", std::int64_t{3}}}},
        Case{"no groups", "Conv", {photo, data({4, 0, 3, 3})}, {{"group", std::int64_t{0}}}},
        Case{"weights for other channels", "ConvTranspose", {photo, data({4, 4, 3, 3})}},
        Case{"a scale of other channels", "BatchNormalization", {photo, data({4}), data({3}), data({3}), data({3})}},
        Case{"one variance", "BatchNormalization", {photo, data({3}), data({3}), data({3}), data({1})}},
        Case{"a photo beyond counting", "Conv", {data({2, 3, most, most}), data({4, 3, 3, 3})}},
        Case{"weights of another rank", "Conv", {photo, data({4, 3})}},
        Case{"padding beyond counting",
             "ConvTranspose",
             {photo, data({3, 4, 3, 3})},
             {{"output_padding", Ints{most, most}}}},
        Case{"output below counting",
             "ConvTranspose",
             {photo, data({3, 4, 3, 3})},
             {{"output_shape", Ints{least, least}}}},
        Case{"output of another rank", "ConvTranspose", {photo, data({3, 4, 3, 3})}, {{"output_shape", Ints{8}}}},
        Case{"groups beyond counting", "ConvTranspose", {photo, data({3, 4, 3, 3})}, {{"group", most}}},
        Case{"groups below nothing", "ConvTranspose", {photo, data({3, 4, 3, 3})}, {{"group", std::int64_t{-1}}}},
        Case{"a scalar", "GlobalAveragePool", {data({})}},
        Case{"scales of no number", "Resize", {photo, floats({}), floats({1, 1, NAN, 1})}},
        Case{"scales below nothing", "Resize", {photo, floats({}), floats({1, 1, -2, 1})}},
        Case{"scales beyond counting", "Resize", {photo, floats({}), floats({1, 1, 1e30F, 1})}},
        Case{"scales for some only", "Resize", {photo, floats({}), floats({2})}},
        Case{"sizes for some only", "Resize", {photo, floats({}), floats({}), ints({4})}},
        Case{"sizes below nothing", "Resize", {photo, floats({}), floats({}), ints({2, 3, -1, least})}},
        Case{"axes behind the last", "Resize", {photo, floats({}), floats({}), ints({4})}, {{"axes", Ints{most}}}},
        Case{"blocks of nothing", "DepthToSpace", {photo}, {{"blocksize", std::int64_t{0}}}},
        Case{"blocks beyond counting", "DepthToSpace", {photo}, {{"blocksize", most}}},
        Case{"three dimensions", "SpaceToDepth", {data({2, 3, 8})}, {{"blocksize", std::int64_t{2}}}}));

INSTANTIATE_TEST_SUITE_P(Kinds, HostileNodes,
                         testing::Values(Case{"an axis in words", "Flatten", {photo}, {{"axis", std::string("one")}}},
                                         Case{"an order in floats", "Transpose", {photo}, {{"perm", Floats{0, 1}}}},
                                         Case{"a value in words", "Constant", {}, {{"value", std::string("one")}}},
                                         Case{"no inputs", "Add", {}}, Case{"no inputs", "Conv", {}},
                                         Case{"one input", "Where", {photo}}, Case{"one input", "Gather", {ints({1})}},
                                         Case{"values without indices", "ScatterND", {ints({1, 2})}},
                                         Case{"a shape without a value", "Reshape", {photo, data({2})}}));

TEST(HostileNodes, NumbersAtTheEndOfTheirRangeAreTakenAsOnnxDoes) {
    const auto slice = [](const Given& x, std::int64_t start, std::int64_t end, std::int64_t step) {
        return inferred({"", "Slice", {x, ints({start}), ints({end}), ints({0}), ints({step})}}).value_or(Shape{-1});
    };
    EXPECT_EQ(slice(data({8}), least, most, 1), (Shape{8}));
    EXPECT_EQ(slice(data({8}), most, least, -1), (Shape{8}));
    EXPECT_EQ(slice(data({8}), most, least, least), (Shape{1}));
    EXPECT_EQ(slice(data({most}), most, least, least), (Shape{1}));
    EXPECT_EQ(slice(data({most}), 0, most, most), (Shape{1}));
    EXPECT_EQ(slice(data({0}), 0, most, 1), (Shape{0}));
    EXPECT_EQ(inferred({"", "Split", {data({most})}, {}, 17, 2}), (Shape{most / 2 + 1}));
    EXPECT_EQ(inferred({"", "Shape", {photo}, {{"end", most}}}), (Shape{4}));
}

/// Values are worked out for small tensors only: an index that points nowhere gives none, and takes no memory.
TEST(HostileNodes, IndicesThatPointNowhereHaveNoValue) {
    const auto value = [](const std::string& op_type, const std::vector<Given>& inputs) {
        Node node;
        node.op_type = op_type;
        KnownTensors known;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            node.inputs.push_back("x" + std::to_string(i));
            known[node.inputs.back()] = {inputs[i].value->type(), inputs[i].shape, inputs[i].value};
        }
        node.outputs = {"y"};
        return infer_node(node, 17, known) && known.at("y").value ? known.at("y").value->to_int64s() : Ints{};
    };
    const Given rows{{2, 2}, Tensor::of<std::int64_t>({2, 2}, Ints{1, 2, 3, 4})};
    EXPECT_EQ(value("Gather", {rows, ints({1})}), (Ints{3, 4}));
    for (const std::int64_t wrong : {std::int64_t{2}, std::int64_t{-3}, most, least}) {
        EXPECT_EQ(value("Gather", {rows, ints({wrong})}), Ints{}) << wrong;
        EXPECT_EQ(
            value("ScatterND", {ints({1, 2}), {{1, 1}, Tensor::of<std::int64_t>({1, 1}, Ints{wrong})}, ints({9})}),
            Ints{})
            << wrong;
    }
    EXPECT_EQ(value("ConstantOfShape", {ints({std::int64_t{1} << 40})}), Ints{});
    EXPECT_EQ(value("Expand", {ints({7}), ints({std::int64_t{1} << 40})}), Ints{});
    EXPECT_EQ(value("Transpose", {{{0, most, most}, Tensor::of<std::int64_t>({0, most, most}, Ints{})}}), Ints{});
}

/// A tensor without a name is an input that is left out, even where a graph's input has that name.
TEST(HostileNodes, AnInputWithoutANameIsNone) {
    for (const std::string op_type : {"Add", "Gather", "Expand", "Where"}) {
        Node node;
        node.op_type = op_type;
        node.inputs = {"x", "", ""};
        node.outputs = {"y"};
        KnownTensors known{{"", {DataType::int64, {1}, {}}},
                           {"x", {DataType::int64, {1}, Tensor::of<std::int64_t>({1}, Ints{1})}}};
        EXPECT_FALSE(infer_node(node, 17, known)) << op_type;
    }
}

TEST(HostileNodes, ACastToNoTypeHasNoValue) {
    for (const std::int64_t type : {std::int64_t{-1}, std::int64_t{99}, most, std::int64_t{8}}) {
        Node node;
        node.op_type = "Cast";
        node.inputs = {"x"};
        node.outputs = {"y"};
        node.attributes["to"] = type;
        KnownTensors known{{"x", {DataType::int64, {1}, Tensor::of<std::int64_t>({1}, Ints{1})}}};
        EXPECT_FALSE(infer_node(node, 17, known)) << type;
    }
}

}  // namespace
}  // namespace locus::model
