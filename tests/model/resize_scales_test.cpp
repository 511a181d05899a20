// Scales of Resize at which two ways to multiply part.

#include "model/resize_scales.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/shapes.hpp"

namespace locus::model {
namespace {

Model taking(std::int64_t height, std::int64_t width) {
    Model model;
    model.opsets[""] = 17;
    model.graph.inputs = {
        {"x", DataType::float32, {{{std::nullopt, "n"}, {3, ""}, {height, ""}, {width, ""}}}, {}, {}}};
    return model;
}

/// The scales of the node that makes this tensor.
std::vector<float> scales_of(const Model& model, const std::string& tensor) {
    const Tensor* scales = model.graph.find_constant(Index(model.graph).producer(tensor)->input(2));
    if (scales == nullptr) return {};
    return {scales->values<float>().begin(), scales->values<float>().end()};
}

TEST(ResizeScales, GiveOneSizeHoweverOneMultiplies) {
    for (const float scale : {0.7F, 1.3F, 2.3F}) {
        Model model = taking(10, 4);
        NodeWriter write(model.graph, "t");
        const auto y = write.node("Resize", {"x", "", write.constant(Tensor::of<float>({4}, {1, 1, scale, 0.5F}))});
        const Shape before = infer_shapes(model).shape(y);
        ASSERT_NE(std::floor(10.0 * static_cast<double>(scale)), static_cast<double>(before[2])) << scale;
        settle_resize_scales(model, {});
        const auto after = scales_of(model, y);
        EXPECT_EQ(infer_shapes(model).shape(y), before);
        EXPECT_EQ(std::floor(10.0 * static_cast<double>(after.at(2))), static_cast<double>(before[2])) << scale;
        EXPECT_NEAR(after[2], scale, 3e-7);
        EXPECT_EQ(after[3], 0.5F);
        EXPECT_EQ(model.graph.initializers.size(), 1U);  // what nothing reads any more is gone
    }
}

TEST(ResizeScales, AreEachNodesOwn) {
    Model model = taking(10, 10);
    NodeWriter write(model.graph, "t");
    const auto shared = write.constant(Tensor::of<float>({4}, {1, 1, 0.7F, 0.7F}));
    const auto first = write.node("Resize", {"x", "", shared}), second = write.node("Resize", {first, "", shared});
    settle_resize_scales(model, {});
    EXPECT_NE(scales_of(model, first).at(2), 0.7F);
    EXPECT_EQ(scales_of(model, second).at(2), 0.7F);  // 4.9 pixels
    EXPECT_EQ(infer_shapes(model).shape(second), (Shape{-1, 3, 4, 4}));
}

TEST(ResizeScales, ThatAreNotInQuestionStay) {
    Model model = taking(10, 10);
    NodeWriter write(model.graph, "t");
    const auto scales = write.constant(Tensor::of<float>({4}, {1, 1, 2, 1.25F}));
    const auto odd = write.constant(Tensor::of<float>({2}, {NAN, 0.7F}));
    write.node("Resize", {"x", "", scales});
    write.node("Resize", {"x", "", odd});  // too few of them, as a file may have
    const auto before = model.graph.nodes;
    settle_resize_scales(model, {});
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(model.graph.nodes[i].inputs, before[i].inputs);
}

}  // namespace
}  // namespace locus::model
