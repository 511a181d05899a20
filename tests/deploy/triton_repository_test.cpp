#include "deploy/triton_repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain/explained_model.hpp"
#include "explain/network.hpp"
#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus::deploy {
namespace {

using testing::HasSubstr;
using testing::Not;

model::Model explained(std::optional<int> top_k, std::int64_t batch = -1) {
    const test::ScratchFolder folder;
    model::save(model::build({.name = "tiny", .classes = 3, .image_size = 32, .batch = batch}), folder / "tiny.onnx");
    auto network = explain::load_network(folder / "tiny.onnx", {.threads = 1});
    network.labels = {"cat", "dog", "a \"quoted\" one"};
    return explain::explained_model(network, {.method = "cam", .top_k = top_k});
}

TEST(TritonRepository, LiesAsTheServerLooksForIt) {
    const test::ScratchFolder folder;
    const model::Model model = explained(2);
    write_triton_repository(model, folder / "repository", "heat");
    EXPECT_EQ(test::read_text(folder / "repository/heat/1/model.onnx"), model::serialize(model));
    EXPECT_EQ(test::read_text(folder / "repository/heat/labels.txt"), "cat\ndog\na \"quoted\" one\n");
    EXPECT_EQ(test::read_text(folder / "repository/heat/config.pbtxt"),
              R"(name: "heat"
backend: "onnxruntime"
max_batch_size: 16
input [
  {
    name: "input"
    data_type: TYPE_FP32
    dims: [ 3, 32, 32 ]
  }
]
output [
  {
    name: "logits"
    data_type: TYPE_FP32
    dims: [ 3 ]
    label_filename: "labels.txt"
  },
  {
    name: "classes"
    data_type: TYPE_INT64
    dims: [ 2 ]
  },
  {
    name: "maps"
    data_type: TYPE_FP32
    dims: [ 2, 4, 4 ]
  }
]
dynamic_batching { }
)");
}

TEST(TritonRepository, AClassAsInputIsOneNumberAnItem) {
    EXPECT_THAT(triton_configuration(explained(std::nullopt), "x"), HasSubstr(R"(    name: "class"
    data_type: TYPE_INT64
    dims: [ 1 ]
    reshape: { shape: [ ] }
)"));
}

TEST(TritonRepository, AFixedBatchIsPartOfThePorts) {
    const std::string text = triton_configuration(explained(1, 2), "x");
    EXPECT_THAT(text, HasSubstr("max_batch_size: 0\n"));
    EXPECT_THAT(text, HasSubstr("dims: [ 2, 3, 32, 32 ]"));
    EXPECT_THAT(text, Not(HasSubstr("dynamic_batching")));
}

TEST(TritonRepository, AFolderThatCannotBeMadeIsSaid) {
    const test::ScratchFolder folder;
    test::write_text(folder / "file", "in the way");
    EXPECT_THROW(write_triton_repository(explained(1), folder / "file"), Error);
}

}  // namespace
}  // namespace locus::deploy
