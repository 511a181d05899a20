#include "model/onnx/proto_names.hpp"

namespace locus::model {
namespace {

void rename(std::string& name, const Renaming& renamed) {
    if (!name.empty()) name = renamed(name);
}

}  // namespace

void rename_tensors(onnx::NodeProto& node, const Renaming& renamed) {
    for (std::string& input : *node.mutable_input()) rename(input, renamed);
    for (std::string& output : *node.mutable_output()) rename(output, renamed);
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) rename_tensors(*attribute.mutable_g(), renamed);
        for (onnx::GraphProto& graph : *attribute.mutable_graphs()) rename_tensors(graph, renamed);
    }
}

void rename_tensors(onnx::GraphProto& graph, const Renaming& renamed) {
    for (auto* infos : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()}) {
        for (onnx::ValueInfoProto& info : *infos) rename(*info.mutable_name(), renamed);
    }
    for (onnx::TensorProto& tensor : *graph.mutable_initializer()) rename(*tensor.mutable_name(), renamed);
    for (onnx::SparseTensorProto& tensor : *graph.mutable_sparse_initializer())
        rename(*tensor.mutable_values()->mutable_name(), renamed);
    graph.clear_quantization_annotation();
    for (onnx::NodeProto& node : *graph.mutable_node()) rename_tensors(node, renamed);
}

}  // namespace locus::model
