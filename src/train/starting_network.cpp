#include "train/starting_network.hpp"

#include <map>

#include <fmt/format.h>

#include "image/preprocess.hpp"
#include "locus/error.hpp"
#include "model/integer_division.hpp"
#include "model/known_branches.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::train {

StartingNetwork load_starting_network(const std::filesystem::path& file) {
    StartingNetwork start{model::load(file), {}};
    model::Graph& graph = start.model.graph;
    if (graph.inputs.empty() || graph.outputs.empty())
        throw Error(ErrorKind::model, fmt::format("{}: has no input or no output to train", file.string()));
    model::ValueInfo& input = graph.inputs.front();
    start.preprocessing = model::read_metadata(start.model, file, input).preprocessing;
    const Preprocessing& p = start.preprocessing;
    const std::int64_t channels = locus::channels(p);
    const Shape sides =
        p.layout == Layout::nchw ? Shape{channels, p.height, p.width} : Shape{p.height, p.width, channels};
    if (!input.shape) input.shape = std::vector<model::Dimension>{{std::nullopt, "n"}, {}, {}, {}};
    for (std::size_t i = 0; i < sides.size(); ++i) {
        model::Dimension& dimension = input.shape->at(i + 1);
        if (!dimension.value) dimension = {sides[i], ""};
    }
    const std::map<std::string, Shape> shape{
        {input.name, image::input_shape(p, input.shape->front().value.value_or(-1))}};
    model::take_known_branches(start.model, shape);
    model::guard_integer_divisions(start.model, shape);
    return start;
}

}  // namespace locus::train
