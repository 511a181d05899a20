#include "model/onnx/onnx_file.hpp"

#include <algorithm>
#include <filesystem>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "model/networks/builder.hpp"
#include "model/wire.hpp"
#include "runtime/session.hpp"
#include "support/scratch_folder.hpp"

namespace fs = std::filesystem;
namespace model = locus::model;
namespace wire = locus::test::wire;
using locus::DataType;
using locus::Tensor;
using locus::test::error_of;
using locus::test::ScratchFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

model::Model parse(const std::string& text, const fs::path& folder = {}) {
    return model::parse(std::as_bytes(std::span(text)), folder);
}

std::string parse_error(const std::string& text, const fs::path& folder = {}) {
    return error_of([&] { parse(text, folder); });
}

/// x + w -> y, with this initializer w.
std::string add_graph(const std::string& initializer) {
    return wire::graph_node(wire::node("Add", {"x", "w"}, {"y"})) + wire::graph_initializer(initializer) +
           wire::graph_input("x") + wire::graph_output("y");
}

/// y of the model for x, which has two columns.
std::vector<float> run(const model::Model& m, std::initializer_list<float> x) {
    const locus::runtime::Session session(m, {.threads = 1});
    const Tensor y =
        session.run({{"x", Tensor::of<float>({static_cast<std::int64_t>(x.size()) / 2, 2}, x)}}, {"y"}).front();
    const auto values = y.values<float>();
    return {values.begin(), values.end()};
}

template <class T> std::vector<T> values_of(const model::Model& m, const std::string& name) {
    const Tensor* tensor = m.graph.find_constant(name);
    if (!tensor) return {};
    const auto values = tensor->values<T>();
    return {values.begin(), values.end()};
}

}  // namespace

TEST(ApartModel, LeavesLargeWeightsOutAndRunsTheSame) {
    const model::Model built = model::build({.name = "tiny", .classes = 3, .width = 0.25, .image_size = 32});
    const model::ApartModel apart = model::serialize_apart(built);
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : apart.weights) bytes += tensor.bytes().size();
    EXPECT_GT(apart.weights.size(), 3U);
    EXPECT_LT(apart.weights.size(), built.graph.initializers.size());  // biases stay
    EXPECT_LT(apart.bytes.size() + bytes / 2, model::serialize(built).size());
    const locus::runtime::Session from_model(built, {.threads = 1});
    const locus::runtime::Session from_file(model::serialize(built), {.threads = 1});
    const Tensor x(DataType::float32, {2, 3, 32, 32});
    const auto a = from_model.run({{"input", x}}, {"logits"}).front(),
               b = from_file.run({{"input", x}}, {"logits"}).front();
    EXPECT_TRUE(std::ranges::equal(a.bytes(), b.bytes()));
}

// --- both ways -----------------------------------------------------------------------------------------------------

TEST(OnnxFile, EverySharedModelComesBackFromItsOwnBytes) {
    const fs::path shared(LOCUS_SHARED);
    if (!fs::exists(shared / "models")) GTEST_SKIP() << "no shared models here";
    int count = 0;
    for (const char* folder : {"models", "goldens"}) {
        for (const auto& entry : fs::directory_iterator(shared / folder)) {
            if (entry.path().extension() != ".onnx") continue;
            const model::Model read = model::load(entry.path());
            const std::string bytes = model::serialize(read);
            EXPECT_EQ(bytes, model::serialize(parse(bytes))) << entry.path();
            EXPECT_EQ(read.opset(), 13) << entry.path();  // as the folder's README says
            ++count;
        }
    }
    EXPECT_GT(count, 0);
}

TEST(OnnxFile, ABuiltModelComesBackWhole) {
    model::Model built = model::build({.name = "mobilenet-v2", .classes = 5, .width = 0.1, .batch = 2});
    built.metadata["labels"] = "a\nb";
    built.doc = "doc";
    built.model_version = 3;
    built.domain = "org.example";
    const model::Model read = parse(model::serialize(built));
    EXPECT_EQ(model::serialize(read), model::serialize(built));
    EXPECT_EQ(read.metadata, built.metadata);
    EXPECT_EQ(read.opsets, built.opsets);
    EXPECT_EQ(read.doc, "doc");
    EXPECT_EQ(read.model_version, 3);
    EXPECT_EQ(read.domain, "org.example");
    ASSERT_EQ(read.graph.nodes.size(), built.graph.nodes.size());
    for (std::size_t i = 0; i < read.graph.nodes.size(); ++i) {
        const model::Node& a = read.graph.nodes[i];
        const model::Node& b = built.graph.nodes[i];
        EXPECT_EQ(a.op_type, b.op_type);
        EXPECT_EQ(a.name, b.name);
        EXPECT_EQ(a.inputs, b.inputs);
        EXPECT_EQ(a.outputs, b.outputs);
        EXPECT_EQ(a.attributes.size(), b.attributes.size());
    }
    ASSERT_EQ(read.graph.initializers.size(), built.graph.initializers.size());
    for (const auto& [name, tensor] : built.graph.initializers) {
        const Tensor* other = read.graph.find_constant(name);
        ASSERT_TRUE(other) << name;
        EXPECT_EQ(other->shape(), tensor.shape());
        EXPECT_TRUE(std::ranges::equal(other->bytes(), tensor.bytes())) << name;
    }
    EXPECT_EQ(read.graph.inputs.front().shape->front().value, 2);
}

TEST(OnnxFile, SavedFilesAppearWholeAndReplace) {
    const ScratchFolder folder;
    const fs::path file = folder.write("m.onnx", "old");
    const model::Model built = model::build({.name = "tiny", .classes = 3, .width = 0.1});
    model::save(built, file);
    EXPECT_EQ(model::serialize(model::load(file)), model::serialize(built));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()),
              1);  // nothing left beside it
    EXPECT_THAT(error_of([&] { model::save(built, folder / "m.onnx" / "x.onnx"); }), StartsWith("io: "));
}

// --- initializers --------------------------------------------------------------------------------------------------

TEST(OnnxFile, NumbersAreReadFromWhicheverFieldHoldsThem) {
    const auto read = [](const std::string& tensor) { return parse(wire::model(add_graph(tensor))); };
    EXPECT_THAT(values_of<float>(read(wire::tensor("w", 1, {2}, wire::raw_data(wire::raw<float>({1.5F, -2})))), "w"),
                ElementsAre(1.5F, -2));
    EXPECT_THAT(values_of<float>(read(wire::tensor("w", 1, {2}, wire::bytes(4, wire::raw<float>({1.5F, -2})))), "w"),
                ElementsAre(1.5F, -2));
    EXPECT_THAT(values_of<double>(read(wire::tensor("w", 11, {2}, wire::bytes(10, wire::raw<double>({1.5, -2})))), "w"),
                ElementsAre(1.5, -2));
    EXPECT_THAT(values_of<std::int64_t>(read(wire::tensor("w", 7, {2}, wire::bytes(7, wire::packed({5, -6})))), "w"),
                ElementsAre(5, -6));
    EXPECT_THAT(values_of<std::int32_t>(read(wire::tensor("w", 6, {2}, wire::bytes(5, wire::packed({5, -6})))), "w"),
                ElementsAre(5, -6));
    EXPECT_THAT(values_of<std::int8_t>(read(wire::tensor("w", 3, {2}, wire::bytes(5, wire::packed({5, -6})))), "w"),
                ElementsAre(5, -6));
    EXPECT_THAT(values_of<std::uint8_t>(read(wire::tensor("w", 2, {2}, wire::bytes(5, wire::packed({5, 250})))), "w"),
                ElementsAre(5, 250));
    EXPECT_THAT(
        values_of<std::uint16_t>(read(wire::tensor("w", 4, {2}, wire::bytes(5, wire::packed({5, 65000})))), "w"),
        ElementsAre(5, 65000));
    EXPECT_THAT(
        values_of<std::uint32_t>(read(wire::tensor("w", 12, {1}, wire::bytes(11, wire::packed({4000000000})))), "w"),
        ElementsAre(4000000000U));
    EXPECT_THAT(values_of<std::uint64_t>(read(wire::tensor("w", 13, {1}, wire::bytes(11, wire::packed({7})))), "w"),
                ElementsAre(7U));
    // Halves travel as their bits in int32_data: 0x3e00 is 1.5, 0xc000 is -2.
    const model::Model halves = read(wire::tensor("w", 10, {2}, wire::bytes(5, wire::packed({0x3e00, 0xc000}))));
    const Tensor of_halves = halves.graph.find_constant("w")->to_float32();
    EXPECT_THAT(of_halves.values<float>(), ElementsAre(1.5F, -2));
    const model::Model brains = read(wire::tensor("w", 16, {2}, wire::bytes(5, wire::packed({0x3fc0, 0xc000}))));
    const Tensor of_brains = brains.graph.find_constant("w")->to_float32();
    EXPECT_THAT(of_brains.values<float>(), ElementsAre(1.5F, -2));
    // Two 4-bit numbers a byte, the first in the low half.
    const model::Model nibbles = read(wire::tensor("w", 22, {3}, wire::raw_data("\x7f\x02")));
    EXPECT_THAT(nibbles.graph.find_constant("w")->to_int64s(), ElementsAre(-1, 7, 2));
}

TEST(OnnxFile, ElementsThatDoNotFitTheShapeAreRefused) {
    EXPECT_THAT(
        parse_error(wire::model(add_graph(wire::tensor("w", 1, {3}, wire::raw_data(wire::raw<float>({1, 2})))))),
        AllOf(StartsWith("model: "), HasSubstr("'w'"),
              HasSubstr("shape [3] of float takes 12 bytes, but 8 are there")));
    EXPECT_THAT(parse_error(wire::model(add_graph(wire::tensor("w", 1, {2}, "")))), HasSubstr("0 are there"));
    EXPECT_THAT(parse_error(wire::model(add_graph(wire::tensor("w", 1, {-1}, "")))), HasSubstr("negative"));
    EXPECT_THAT(parse_error(wire::model(add_graph(wire::tensor("w", 0, {1}, "")))), HasSubstr("no element type"));
}

TEST(OnnxFile, HugeDeclaredShapesAllocateNothing) {
    const std::int64_t huge = std::int64_t{1} << 40;
    EXPECT_THAT(parse_error(wire::model(add_graph(wire::tensor("w", 1, {huge}, "")))), StartsWith("model: "));
    EXPECT_THAT(parse_error(wire::model(add_graph(wire::tensor("w", 1, {huge, huge, huge}, "")))),
                HasSubstr("more elements than can be counted"));
    EXPECT_THAT(
        parse_error(wire::model(add_graph(wire::tensor("w", 1, {huge}, wire::external({{"location", "w.bin"}})))),
                    fs::temp_directory_path()),
        StartsWith("model: "));
}

TEST(OnnxFile, OldFilesListInitializersAmongTheInputs) {
    const std::string graph =
        add_graph(wire::tensor("w", 1, {2}, wire::raw_data(wire::raw<float>({1, 2})))) + wire::graph_input("w");
    const model::Model read = parse(wire::model(graph, 3, 7));
    ASSERT_EQ(read.graph.inputs.size(), 1U);
    EXPECT_EQ(read.graph.inputs.front().name, "x");
    EXPECT_THAT(run(read, {10, 20}), ElementsAre(11, 22));  // which the runtime takes as IR version 4
}

TEST(OnnxFile, StringsAreCarriedThrough) {
    const std::string strings = wire::tensor("s", 8, {1}, wire::bytes(6, "hello"));
    const model::Model read =
        parse(wire::model(add_graph(wire::tensor("w", 1, {1}, wire::raw_data(wire::raw<float>({1})))) +
                          wire::graph_initializer(strings)));
    EXPECT_TRUE(read.graph.other_initializers.contains("s"));
    EXPECT_THAT(model::serialize(read), HasSubstr("hello"));
    EXPECT_THAT(model::serialize(parse(model::serialize(read))), HasSubstr("hello"));
}

TEST(OnnxFile, WhatNewerVersionsSayIsCarriedThrough) {
    // Fields that this version of onnx.proto does not have, in model, graph and node.
    const std::string node = wire::node("Add", {"x", "w"}, {"y"}) + wire::bytes(999, "of the node");
    const std::string graph =
        wire::graph_node(node) +
        wire::graph_initializer(wire::tensor("w", 1, {1}, wire::raw_data(wire::raw<float>({1})))) +
        wire::graph_input("x") + wire::graph_output("y") + wire::bytes(998, "of the graph");
    const std::string bytes = model::serialize(parse(wire::model(graph) + wire::bytes(997, "of the model")));
    for (const char* said : {"of the node", "of the graph", "of the model"}) EXPECT_THAT(bytes, HasSubstr(said));
}

// --- constants -----------------------------------------------------------------------------------------------------

TEST(OnnxFile, ConstantNodesBecomeInitializers) {
    const auto with_constant = [](const std::string& attribute) {
        return parse(wire::model(wire::graph_node(wire::node("Constant", {}, {"c"}, {attribute})) +
                                 wire::graph_node(wire::node("Add", {"x", "c"}, {"y"})) + wire::graph_input("x") +
                                 wire::graph_output("y")));
    };
    const auto value = with_constant(wire::attribute(
        "value", 4, wire::bytes(5, wire::tensor("", 1, {2}, wire::raw_data(wire::raw<float>({3, 4}))))));
    EXPECT_EQ(value.graph.nodes.size(), 1U);
    EXPECT_THAT(values_of<float>(value, "c"), ElementsAre(3, 4));
    EXPECT_THAT(run(value, {1, 1}), ElementsAre(4, 5));
    const auto real = with_constant(wire::attribute("value_float", 1, wire::real(2, 2.5F)));
    EXPECT_EQ(real.graph.find_constant("c")->rank(), 0U);
    EXPECT_THAT(values_of<float>(real, "c"), ElementsAre(2.5F));
    EXPECT_THAT(
        values_of<float>(with_constant(wire::attribute("value_floats", 6, wire::real(7, 1) + wire::real(7, 2))), "c"),
        ElementsAre(1, 2));
    EXPECT_THAT(values_of<std::int64_t>(with_constant(wire::attribute("value_int", 2, wire::number(3, -9))), "c"),
                ElementsAre(-9));
    EXPECT_THAT(values_of<std::int64_t>(
                    with_constant(wire::attribute("value_ints", 7, wire::number(8, 1) + wire::number(8, -2))), "c"),
                ElementsAre(1, -2));
    const auto strings = with_constant(wire::attribute("value_string", 3, wire::bytes(4, "text")));
    EXPECT_EQ(strings.graph.nodes.size(), 2U);
    EXPECT_EQ(strings.graph.find_constant("c"), nullptr);
}

TEST(OnnxFile, AConstantMayBeTheOutput) {
    const auto m = parse(wire::model(
        wire::graph_node(wire::node("Constant", {}, {"y"},
                                    {wire::attribute("value_floats", 6, wire::real(7, 1) + wire::real(7, 2))})) +
        wire::graph_input("x") + wire::graph_output("y")));
    EXPECT_THAT(run(m, {0, 0}), ElementsAre(1, 2));
}

TEST(OnnxFile, AttributesWithoutTypeAreReadByWhatTheyHold) {
    // IR version 1 had no field for the type.
    const std::string attribute = wire::bytes(1, "axis") + wire::number(3, 1);
    const auto m = parse(wire::model(wire::graph_node(wire::node("Softmax", {"x"}, {"y"}, {attribute})) +
                                         wire::graph_input("x") + wire::graph_output("y"),
                                     1));
    EXPECT_EQ(m.graph.nodes.front().int_or("axis", 0), 1);
}

// --- subgraphs -----------------------------------------------------------------------------------------------------

namespace {

/// If(c) y = x + w else y = x - w, both reading x and w from around them.
std::string if_model(const std::string& w) {
    const auto branch = [](const char* op) {
        return wire::graph_node(wire::node(op, {"x", "w"}, {"z"})) + wire::bytes(2, "branch") + wire::graph_output("z");
    };
    const std::string node = wire::node("If", {"c"}, {"y"},
                                        {wire::attribute("then_branch", 5, wire::bytes(6, branch("Add"))),
                                         wire::attribute("else_branch", 5, wire::bytes(6, branch("Sub")))});
    return wire::model(wire::graph_node(node) + wire::graph_initializer(w) +
                       wire::graph_initializer(wire::tensor("c", 9, {1}, wire::raw_data(std::string(1, '\0')))) +
                       wire::graph_initializer(wire::tensor("unused", 1, {1}, wire::raw_data(wire::raw<float>({1})))) +
                       wire::graph_input("x") + wire::graph_output("y"));
}

}  // namespace

TEST(OnnxFile, SubgraphsKeepWhatTheyReadFromAround) {
    model::Model m = parse(if_model(wire::tensor("w", 1, {2}, wire::raw_data(wire::raw<float>({1, 2})))));
    const auto& branch = std::get<model::Opaque>(m.graph.nodes.front().attributes.at("then_branch"));
    EXPECT_THAT(branch.reads, ElementsAre("w", "x"));
    EXPECT_THAT(branch.operators, testing::Not(testing::IsEmpty()));
    model::remove_unused(m.graph);
    EXPECT_EQ(m.graph.find_constant("unused"), nullptr);
    ASSERT_TRUE(m.graph.find_constant("w"));
    EXPECT_THAT(run(m, {10, 10}), ElementsAre(9, 8));
}

TEST(OnnxFile, WhatASubgraphReadsMustExist) {
    EXPECT_THAT(parse_error(if_model(wire::tensor("v", 1, {1}, wire::raw_data(wire::raw<float>({1}))))),
                HasSubstr("reads tensor 'w', which nothing makes"));
}

// --- external data -------------------------------------------------------------------------------------------------

TEST(OnnxFile, ExternalDataIsReadFromTheModelsFolder) {
    const ScratchFolder folder;
    folder.write("weights/w.bin", "xxxx" + wire::raw<float>({3, 4}));
    const std::string tensor = wire::tensor(
        "w", 1, {2},
        wire::external({{"location", "weights/w.bin"}, {"offset", "4"}, {"length", "8"}, {"checksum", "x"}}));
    const model::Model m = model::load(folder.write("m.onnx", wire::model(add_graph(tensor))));
    EXPECT_THAT(run(m, {10, 20}), ElementsAre(13, 24));  // and our bytes no longer need the file
}

TEST(OnnxFile, ExternalDataOfSubgraphsIsTakenIn) {
    const ScratchFolder folder;
    folder.write("w.bin", wire::raw<float>({3, 4}));
    const std::string tensor = wire::tensor("v", 1, {2}, wire::external({{"location", "w.bin"}}));
    const std::string branch = wire::graph_node(wire::node("Add", {"x", "v"}, {"z"})) + wire::bytes(2, "branch") +
                               wire::graph_initializer(tensor) + wire::graph_output("z");
    const std::string node = wire::node("If", {"c"}, {"y"},
                                        {wire::attribute("then_branch", 5, wire::bytes(6, branch)),
                                         wire::attribute("else_branch", 5, wire::bytes(6, branch))});
    const std::string bytes =
        wire::model(wire::graph_node(node) + wire::graph_initializer(wire::tensor("c", 9, {1}, wire::raw_data("\1"))) +
                    wire::graph_input("x") + wire::graph_output("y"));
    EXPECT_THAT(run(parse(bytes, folder.path()), {10, 20}), ElementsAre(13, 24));
}

TEST(OnnxFile, ExternalDataNeverLeavesTheModelsFolder) {
    const ScratchFolder outside;
    outside.write("secret.bin", wire::raw<float>({3, 4}));
    const ScratchFolder folder;
    folder.write("inside.bin", wire::raw<float>({3, 4}));
    fs::create_symlink(outside / "secret.bin", folder / "link.bin");
    fs::create_directory_symlink(outside.path(), folder / "linked");
    fs::create_symlink("inside.bin", folder / "inner-link.bin");
    const auto error = [&](const std::string& location) {
        return parse_error(wire::model(add_graph(wire::tensor("w", 1, {2}, wire::external({{"location", location}})))),
                           folder.path());
    };
    EXPECT_EQ(error("inside.bin"), "");
    EXPECT_EQ(error("inner-link.bin"), "");  // a link that stays is no way out
    EXPECT_THAT(error("../" + outside.path().filename().string() + "/secret.bin"),
                AllOf(StartsWith("model: "), HasSubstr("leaves the model's folder")));
    EXPECT_THAT(error("a/../../x"), HasSubstr("leaves the model's folder"));
    EXPECT_THAT(error((outside / "secret.bin").string()), HasSubstr("absolute"));
    EXPECT_THAT(error("link.bin"), HasSubstr("symbolic link"));
    EXPECT_THAT(error("linked/secret.bin"), HasSubstr("symbolic link"));
    EXPECT_THAT(error(std::string("inside.bin\0x", 12)), HasSubstr("not a file name"));
    EXPECT_THAT(error(""), HasSubstr("not a file name"));
    EXPECT_THAT(error("."), StartsWith("model: "));
}

TEST(OnnxFile, ExternalDataThatDoesNotFitIsRefused) {
    const ScratchFolder folder;
    folder.write("w.bin", wire::raw<float>({3, 4}));
    const auto error = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> entries) {
        return parse_error(wire::model(add_graph(wire::tensor("w", 1, {2}, wire::external(entries)))), folder.path());
    };
    EXPECT_THAT(error({{"location", "none.bin"}}), HasSubstr("'none.bin' is missing"));
    EXPECT_THAT(error({{"location", "w.bin"}, {"offset", "4"}}),
                HasSubstr("is 8 bytes long, but the tensor takes 8 bytes from byte 4 on"));
    EXPECT_THAT(error({{"location", "w.bin"}, {"offset", "18446744073709551615"}}), HasSubstr("is 8 bytes long"));
    EXPECT_THAT(error({{"location", "w.bin"}, {"offset", "-1"}}), HasSubstr("offset is '-1'"));
    EXPECT_THAT(error({{"location", "w.bin"}, {"offset", "99999999999999999999"}}), HasSubstr("not a number of bytes"));
    EXPECT_THAT(error({{"location", "w.bin"}, {"length", "4"}}),
                HasSubstr("said to be 4 bytes long, but the tensor takes 8"));
    EXPECT_THAT(error({}), HasSubstr("not a file name"));
    EXPECT_THAT(parse_error(wire::model(add_graph(wire::tensor("w", 1, {2}, wire::external({{"location", "w.bin"}}))))),
                HasSubstr("not in a folder"));
}

// --- what is not a model -------------------------------------------------------------------------------------------

TEST(OnnxFile, FilesThatAreNoModelsAreNamed) {
    const ScratchFolder folder;
    const auto error = [&](const fs::path& file) { return error_of([&] { model::load(file); }); };
    EXPECT_THAT(error(folder / "none.onnx"), AllOf(StartsWith("io: there is no model file '"), HasSubstr("none.onnx")));
    EXPECT_THAT(error(folder.path()), AllOf(StartsWith("io: "), HasSubstr("is a folder")));
    EXPECT_THAT(error(folder.write("empty.onnx", "")),
                AllOf(StartsWith("model: "), HasSubstr("empty.onnx"), HasSubstr("it is empty")));
    EXPECT_THAT(error(folder.write("photo.onnx", "\xff\xd8\xff\xe0\0\x10JFIF")), HasSubstr("not an ONNX model"));
    EXPECT_THAT(error(folder.write("text.onnx", "version https://git-lfs.github.com/spec/v1\n")),
                HasSubstr("not an ONNX model"));
    EXPECT_THAT(error(folder.write("zeros.onnx", std::string(1000, '\0'))), HasSubstr("not an ONNX model"));
}

TEST(OnnxFile, WrongGraphsAreExplained) {
    const std::string w = wire::graph_initializer(wire::tensor("w", 1, {1}, wire::raw_data(wire::raw<float>({1}))));
    const std::string ports = wire::graph_input("x") + wire::graph_output("y");
    const std::string add = wire::graph_node(wire::node("Add", {"x", "w"}, {"y"}));
    const auto error = [](const std::string& graph) { return parse_error(wire::model(graph)); };
    EXPECT_EQ(error(add + w + ports), "");
    EXPECT_THAT(error(add + ports), HasSubstr("node 'Add' that makes 'y' reads tensor 'w', which nothing makes"));
    EXPECT_THAT(error(add + add + w + ports), HasSubstr("tensor 'y' is made twice"));
    EXPECT_THAT(error(add + w + w + ports), HasSubstr("initializer 'w' is there twice"));
    EXPECT_THAT(error(add + w + ports + wire::graph_input("x")), HasSubstr("tensor 'x' is made twice"));
    EXPECT_THAT(error(add + w + wire::graph_input("x")), HasSubstr("no outputs"));
    EXPECT_THAT(error(add + w + ports + wire::graph_output("nowhere")),
                HasSubstr("nothing makes the graph's output 'nowhere'"));
    EXPECT_THAT(error(wire::graph_node(wire::node("", {"x"}, {"y"})) + ports), HasSubstr("no operator type"));
    EXPECT_THAT(error(wire::graph_node(wire::node("Add", {"x", "b"}, {"a"})) +
                      wire::graph_node(wire::node("Relu", {"a"}, {"b"})) +
                      wire::graph_node(wire::node("Relu", {"a"}, {"y"})) + ports),
                HasSubstr("cycle"));
    EXPECT_THAT(parse_error(wire::number(1, 7) + wire::bytes(7, add + w + ports)),
                HasSubstr("truncated"));  // opset_import comes last and is gone
    const std::string custom = wire::graph_node(wire::node("Relu", {"x"}, {"y"}) + wire::bytes(7, "com.example"));
    EXPECT_THAT(error(custom + ports), HasSubstr("operator set 'com.example'"));
}

TEST(OnnxFile, NodesComeInAnOrderThatCanRun) {
    const auto m = parse(wire::model(
        wire::graph_node(wire::node("Relu", {"b"}, {"y"})) + wire::graph_node(wire::node("Neg", {"a"}, {"b"})) +
        wire::graph_node(wire::node("Relu", {"x"}, {"a"})) + wire::graph_input("x") + wire::graph_output("y")));
    EXPECT_EQ(m.graph.nodes[0].output(0), "a");
    EXPECT_EQ(m.graph.nodes[1].output(0), "b");
    EXPECT_EQ(m.graph.nodes[2].output(0), "y");
}

TEST(OnnxFile, NamesOutOfFilesCannotGarbleATerminal) {
    const std::string graph = wire::graph_node(wire::node("Add", {"x", "\x1b[31m\xff"}, {"y"})) +
                              wire::graph_input("x") + wire::graph_output("y");
    EXPECT_THAT(parse_error(wire::model(graph)), HasSubstr("'\\x1B[31m\\xFF'"));
}

// --- damage --------------------------------------------------------------------------------------------------------

namespace {

/// True where the bytes are read, and can be written again, or where an Error says why not. Anything else escapes and
/// fails the test.
bool survives(const std::string& bytes) {
    try {
        model::serialize(parse(bytes));
        return true;
    } catch (const locus::Error& error) {
        EXPECT_STRNE(error.what(), "");
        return false;
    }
}

}  // namespace

TEST(OnnxFileDamage, TruncatedModelsAreErrors) {
    const std::string whole = model::serialize(model::build({.name = "mobilenet-v2", .classes = 3, .width = 0.05}));
    ASSERT_TRUE(survives(whole));
    for (std::size_t i = 0; i < 100; ++i) EXPECT_FALSE(survives(whole.substr(0, whole.size() * i / 100))) << i;
}

TEST(OnnxFileDamage, FlippedBytesAreErrorsOrModels) {
    const std::string whole = model::serialize(model::build({.name = "nin", .classes = 3, .width = 0.01}));
    const std::string subgraphs = if_model(wire::tensor("w", 1, {2}, wire::raw_data(wire::raw<float>({1, 2}))));
    std::mt19937 random(20161124);
    int errors = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string damaged = round % 2 == 0 ? whole : subgraphs;
        const auto flips = 1 + random() % 4;
        for (unsigned i = 0; i < flips; ++i) {
            // Most of a network is weights, where nothing can go wrong: half of the flips go where the graph is.
            const std::size_t range = random() % 2 == 0 ? damaged.size() : std::min<std::size_t>(damaged.size(), 3000);
            damaged[random() % range] ^= static_cast<char>(1 + random() % 255);
        }
        errors += survives(damaged) ? 0 : 1;
    }
    EXPECT_GT(errors, 500);  // the damage is not all harmless
}

TEST(OnnxFileDamage, DeepNestingIsAnError) {
    std::string graph = wire::graph_node(wire::node("Relu", {"x"}, {"y"})) + wire::graph_output("y");
    for (int depth = 0; depth < 200; ++depth) {
        graph = wire::graph_node(
                    wire::node("If", {"x"}, {"y"}, {wire::attribute("then_branch", 5, wire::bytes(6, graph))})) +
                wire::graph_output("y");
    }
    EXPECT_THAT(parse_error(wire::model(graph + wire::graph_input("x"))), StartsWith("model: "));
}
