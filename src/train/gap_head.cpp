#include "train/gap_head.hpp"

namespace locus::train {

std::optional<PooledHead> find_pooled_head(const model::Graph& graph, const std::string& output) {
    const model::Index index(graph);
    const model::Node* node = index.producer(output);
    while (node && (node->is("Softmax") || node->is("LogSoftmax") || node->is("Sigmoid") || node->is("Identity") ||
                    node->is("Add"))) {
        node = index.producer(graph.find_constant(node->input(0)) ? node->input(1) : node->input(0));
    }
    if (!node || !(node->is("Gemm") || node->is("MatMul")) || node->int_or("transA", 0)) return std::nullopt;
    PooledHead head;
    head.weight = node->input(1);
    head.transposed = node->int_or("transB", 0) != 0;
    head.pooled = node->input(0);
    node = index.producer(head.pooled);
    while (node && (node->is("Flatten") || node->is("Reshape") || node->is("Squeeze") || node->is("Dropout") ||
                    node->is("Identity"))) {
        node = index.producer(node->input(0));
    }
    if (!node) return std::nullopt;
    const bool pools = node->is("GlobalAveragePool") || node->is("GlobalMaxPool") || node->is("ReduceMean") ||
                       node->is("ReduceSum") || node->is("ReduceMax");
    if (!pools) return std::nullopt;
    head.features = node->input(0);
    return head;
}

}  // namespace locus::train
