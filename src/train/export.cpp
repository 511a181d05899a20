#include "train/export.hpp"

#include <set>

#include "model/metadata/preprocessing_metadata.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::train {

void store_as_halves(model::Model& model) {
    std::set<std::string> kernels;
    for (const model::Node& node : model.graph.nodes) {
        if (node.is("Conv") && model.graph.find_constant(node.input(1))) kernels.insert(node.input(1));
    }
    std::vector<model::Node> casts;
    for (const std::string& name : kernels) {
        const auto found = model.graph.initializers.find(name);
        if (found->second.type() != DataType::float32) continue;
        const std::string half = name + ".half";
        model.graph.initializers[half] = found->second.to(DataType::float16);
        model.graph.initializers.erase(name);
        model::Node cast;
        cast.op_type = "Cast";
        cast.name = half + ".cast";
        cast.inputs = {half};
        cast.outputs = {name};
        cast.attributes["to"] = static_cast<std::int64_t>(DataType::float32);
        casts.push_back(std::move(cast));
    }
    model.graph.nodes.insert(model.graph.nodes.begin(), casts.begin(), casts.end());
}

void end_in_sigmoid(model::Model& model) {
    model::ValueInfo& output = model.graph.outputs.at(0);
    model::Node sigmoid;
    sigmoid.op_type = "Sigmoid";
    sigmoid.name = "probabilities";
    sigmoid.inputs = {output.name};
    sigmoid.outputs = {"probabilities"};
    output.name = "probabilities";
    model.graph.nodes.push_back(std::move(sigmoid));
}

void export_model(model::Model model, const ExportOptions& options, const std::filesystem::path& file) {
    if (options.half_weights) store_as_halves(model);
    if (options.multi_label) end_in_sigmoid(model);
    model::write_metadata(model, options.preprocessing, options.labels);
    if (!options.description.empty()) model.metadata["description"] = options.description;
    model.metadata.erase(model::built_key);  // no longer random
    model::name_producer(model);
    model::save(model, file);
}

}  // namespace locus::train
