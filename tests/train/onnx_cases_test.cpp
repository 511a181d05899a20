/// The executor on the official test cases of the ONNX operators (Debian's libonnx-testdata).

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"
#include "train/executor.hpp"

namespace locus::train {
namespace {

namespace fs = std::filesystem;

void put_varint(std::string& out, std::uint64_t value) {
    for (; value > 127; value >>= 7U) out += static_cast<char>((value & 127U) | 128U);
    out += static_cast<char>(value);
}

/// A length-delimited field of a protobuf message.
std::string field(int number, const std::string& content) {
    std::string out;
    put_varint(out, static_cast<std::uint64_t>(number) << 3U | 2U);
    put_varint(out, content.size());
    return out + content;
}

/// A TensorProto file, read by wrapping it into a model as its only initializer (ModelProto.graph = 7,
/// GraphProto.initializer = 5).
Tensor read_tensor(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string tensor{std::istreambuf_iterator<char>(stream), {}};
    const std::string named = tensor + field(8, "t");  // TensorProto.name; the last one given counts
    const std::string bytes = std::string("\x08\x08") +
                              field(7, field(2, "g") + field(5, named) + field(12, field(1, "t"))) +
                              field(8, std::string("\x10\x0D"));
    return model::parse(std::as_bytes(std::span(bytes))).graph.initializers.at("t");
}

bool is_close(const at::Tensor& found, const at::Tensor& expected) {
    if (found.sizes() != expected.sizes()) return false;
    if (!at::isFloatingType(expected.scalar_type())) return at::equal(found.to(at::kLong), expected.to(at::kLong));
    // The executor computes in floats what a case wants as halves.
    return at::allclose(found.to(expected.scalar_type()).to(at::kDouble), expected.to(at::kDouble), 1e-3, 1e-5,
                        true);  // the tolerance of ONNX's own runner is 1e-3
}

/// Reasons why a case is not one for a trainer of image classifiers; "" where it is run.
std::string reason_to_skip(const model::Model& m, const std::string& name) {
    for (const model::Node& node : m.graph.nodes) {
        if (!node.domain.empty()) return "operators of other domains";
        if (!find_operator(node.op_type)) return "operator not claimed, " + node.op_type;
        // Its inputs of training mode ask for random numbers that no two engines share.
        if (node.is("Dropout") && name.find("train") != std::string::npos) return "random";
        if (node.is("BatchNormalization") && node.int_or("training_mode", 0))
            return "BatchNormalization inside a graph's own training mode";
        if (node.is("MaxPool") && !node.output(1).empty()) return "MaxPool with Indices";
        if (node.is("MaxPool") && m.graph.inputs.at(0).type == DataType::uint8) return "MaxPool of bytes";
        // The window's part beyond the padding counts in these cases; in ONNX Runtime and in PyTorch it does not.
        if (node.is("AveragePool") && node.int_or("ceil_mode", 0) && node.int_or("count_include_pad", 0))
            return "AveragePool that counts what rounding up adds";
        const std::int64_t to = node.int_or("to", 1);
        if (node.is("Cast") && (to == 8 || to == 12 || to == 13 || to == 4)) return "strings and unsigned integers";
        // (length_resized - 1) is that of the whole pixels in the specification's text, in ONNX Runtime and in PyTorch;
        // not in these cases.
        if (node.is("Resize") && node.string_or("coordinate_transformation_mode", "") == "align_corners" &&
            name.find("downsample_scales") != std::string::npos) {
            return "Resize with align_corners to a fraction of a pixel";
        }
    }
    for (const model::ValueInfo& v : m.graph.inputs) {
        if (v.other_type) return "sequences and optionals";
        if (v.type == DataType::string || v.type == DataType::uint16 || v.type == DataType::uint32 ||
            v.type == DataType::uint64) {
            return "strings and unsigned integers";
        }
    }
    return "";
}

TEST(OnnxCases, AllOfTheClaimedOperators) {
    const fs::path folder = "/usr/share/libonnx-testdata/data/node";
    if (!fs::exists(folder))
        GTEST_SKIP() << "libonnx-testdata is not installed; executor_test compares with ONNX Runtime.";
    std::map<std::string, std::vector<std::string>> skipped;
    std::set<std::string> covered;
    std::size_t run = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        model::Model m;
        try {
            m = model::load(entry.path() / "model.onnx");
        } catch (const Error& error) {
            skipped["cannot be loaded"].push_back(name);
            continue;
        }
        const std::string reason = reason_to_skip(m, name);
        if (!reason.empty()) {
            skipped[reason].push_back(name);
            continue;
        }
        try {
            const Executor executor(m, at::kFloat);
            std::map<std::string, at::Tensor> inputs;
            const fs::path data = entry.path() / "test_data_set_0";
            for (std::size_t i = 0; i < m.graph.inputs.size(); ++i) {
                inputs[m.graph.inputs[i].name] = to_torch(read_tensor(data / ("input_" + std::to_string(i) + ".pb")));
            }
            std::vector<std::string> outputs;
            for (const auto& output : m.graph.outputs) outputs.push_back(output.name);
            at::NoGradGuard no_gradients;
            Pass pass;
            const Tensors found = executor.run(inputs, outputs, pass);
            ++run;
            for (const model::Node& node : m.graph.nodes) covered.insert(node.op_type);
            for (std::size_t i = 0; i < found.size(); ++i) {
                if (!found[i].defined() && m.graph.nodes.size() == 1 && i > 0)
                    continue;  // optional outputs a trainer has no use for
                const at::Tensor expected = to_torch(read_tensor(data / ("output_" + std::to_string(i) + ".pb")));
                EXPECT_TRUE(found[i].defined() && is_close(found[i], expected)) << name << ", output " << i;
            }
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::unsupported) {
                skipped[error.what()].push_back(name);
            } else {
                ADD_FAILURE() << name << ": " << error.what();
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << name << ": " << error.what();
        }
    }
    for (const auto& [reason, names] : skipped) {
        std::cout << names.size() << " skipped, " << reason;
        if (!reason.starts_with("operator not claimed")) {
            std::cout << ':';
            for (const std::string& name : names) std::cout << ' ' << name;
        }
        std::cout << '\n';
    }
    std::string untested;
    for (const std::string& name : operator_names()) {
        if (!covered.contains(name)) untested += ' ' + name;
    }
    std::cout << run << " cases run; claimed operators without a case (see operators_test):"
              << (untested.empty() ? " none" : untested) << '\n';
    EXPECT_GT(run, 650U);
}

}  // namespace
}  // namespace locus::train
