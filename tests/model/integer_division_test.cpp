#include "model/integer_division.hpp"

#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "runtime/session.hpp"

namespace model = locus::model;
using locus::DataType;
using locus::Tensor;
using locus::test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

constexpr auto least = std::numeric_limits<std::int64_t>::min();

Tensor whole(std::initializer_list<std::int64_t> values, DataType type = DataType::int64) {
    return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values).to(type);
}

/// quotient = a / b and y = float(quotient): constants where they are given, else x, float [n, 2], as whole numbers.
model::Model dividing(const char* op, const std::optional<Tensor>& a, const std::optional<Tensor>& b, DataType type,
                      std::int64_t opset = 17) {
    model::Model m;
    m.opsets[""] = opset;
    m.graph.inputs = {{.name = "x",
                       .type = DataType::float32,
                       .shape = std::vector<model::Dimension>{{.symbol = "n"}, {.value = 2}}}};
    m.graph.outputs = {{.name = "y", .type = DataType::float32}};
    const auto cast = [&](const char* from, const char* to, DataType as) {
        m.graph.nodes.push_back({.op_type = "Cast", .inputs = {from}, .outputs = {to}});
        m.graph.nodes.back().attributes["to"] = static_cast<std::int64_t>(as);
    };
    if (!a || !b) cast("x", "whole", type);
    if (a) m.graph.initializers.emplace("a", *a);
    if (b) m.graph.initializers.emplace("b", *b);
    m.graph.nodes.push_back({.op_type = op, .inputs = {a ? "a" : "whole", b ? "b" : "whole"}, .outputs = {"quotient"}});
    cast("quotient", a && b ? "q" : "y", DataType::float32);
    if (a && b) m.graph.nodes.push_back({.op_type = "Add", .inputs = {"x", "q"}, .outputs = {"y"}});
    return m;
}

void guard(model::Model& m) { model::guard_integer_divisions(m, {{"x", {-1, 2}}}); }

std::string refusal(model::Model m) {
    return error_of([&] { guard(m); });
}

std::vector<float> run(model::Model m, std::initializer_list<float> x) {
    guard(m);
    const locus::runtime::Session session(m, {.threads = 1});
    const Tensor y = session.run({{"x", Tensor::of<float>({1, 2}, x)}}, {"y"}).front();
    const auto values = y.values<float>();
    return {values.begin(), values.end()};
}

}  // namespace

TEST(IntegerDivision, OfConstantsWithoutAResultIsRefused) {
    for (const char* op : {"Div", "Mod"}) {
        EXPECT_THAT(refusal(dividing(op, whole({7}), whole({2, 0}), DataType::int64)),
                    AllOf(StartsWith("model: "), HasSubstr(std::string("node '") + op + "' that makes 'quotient'"),
                          HasSubstr("divides whole numbers by zero")));
        EXPECT_THAT(refusal(dividing(op, std::nullopt, whole({0}, DataType::uint8), DataType::uint8)),
                    HasSubstr("by zero"));
        EXPECT_THAT(refusal(dividing(op, whole({5, least}), whole({-1}), DataType::int64)),
                    HasSubstr("divides -9223372036854775808, the least int64, by -1, which has no result"));
        EXPECT_THAT(refusal(dividing(op, whole({std::int64_t{-1} << 31}, DataType::int32), whole({-1}, DataType::int32),
                                     DataType::int32)),
                    HasSubstr("divides -2147483648, the least int32, by -1"));
    }
}

TEST(IntegerDivision, OfWhatFollowsFromConstantsIsRefused) {
    model::Model m = dividing("Div", whole({7}), whole({1}), DataType::int64);
    m.graph.initializers.emplace("one", whole({1}));
    m.graph.nodes.insert(m.graph.nodes.begin(), {.op_type = "Sub", .inputs = {"b", "one"}, .outputs = {"zero"}});
    m.graph.nodes[1].inputs[1] = "zero";
    EXPECT_THAT(refusal(m), HasSubstr("by zero"));
}

TEST(IntegerDivision, WithAResultIsLeftAlone) {
    const auto untouched = [](model::Model m) {
        const std::size_t nodes = m.graph.nodes.size();
        guard(m);
        return m.graph.nodes.size() == nodes;
    };
    EXPECT_TRUE(untouched(dividing("Div", whole({least + 1}), whole({-1}), DataType::int64)));
    EXPECT_TRUE(untouched(dividing("Div", whole({-128}, DataType::int8), whole({-1}, DataType::int8), DataType::int8)));
    EXPECT_TRUE(untouched(dividing("Div", std::nullopt, whole({3, -2}), DataType::int64)));
    EXPECT_TRUE(untouched(dividing("Div", whole({5}), std::nullopt, DataType::int64)));
    const Tensor zero = Tensor::of<float>({1}, {0});
    EXPECT_TRUE(untouched(dividing("Div", std::nullopt, zero, DataType::float32)));
}

TEST(IntegerDivision, ByNumbersOfThePhotoNeverTraps) {
    for (const std::int64_t opset : {7, 13, 17}) {
        for (const DataType type : {DataType::int32, DataType::int64}) {
            SCOPED_TRACE(opset);
            const std::int64_t smallest = type == DataType::int64 ? least : std::int64_t{-1} << 31;
            EXPECT_THAT(run(dividing("Div", whole({smallest}, type), std::nullopt, type, opset), {-1, -2}),
                        ElementsAre(static_cast<float>(smallest), static_cast<float>(smallest / -2)));
            EXPECT_THAT(run(dividing("Div", std::nullopt, whole({-1}, type), type, opset), {9, -4}),
                        ElementsAre(-9, 4));
            if (opset < 10) continue;  // Mod came with 10
            EXPECT_THAT(run(dividing("Mod", whole({smallest}, type), std::nullopt, type, opset), {-1, 3}),
                        ElementsAre(0, static_cast<float>((smallest % 3 + 3) % 3)));
        }
    }
}

// A photo that asks for it fails, and no more than that.
TEST(IntegerDivision, ByZerosOfThePhotoIsTheRuntimesToRefuse) {
    for (const DataType type : {DataType::int8, DataType::uint8, DataType::int16, DataType::uint16, DataType::int32,
                                DataType::uint32, DataType::int64, DataType::uint64}) {
        for (const char* op : {"Div", "Mod"}) {
            const model::Model m = dividing(op, whole({7}, type), std::nullopt, type);
            EXPECT_THAT(run(m, {2, 4}), op == std::string("Div") ? ElementsAre(3, 1) : ElementsAre(1, 3));
            EXPECT_THAT(error_of([&] { run(m, {2, 0}); }), HasSubstr("the network fails on this input")) << name(type);
        }
    }
}
