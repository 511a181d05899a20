// Products of matrices.

#include <algorithm>
#include <map>

#include "model/shape_rules/rule.hpp"

namespace locus::model::shape_rules {
namespace {

void gemm(Inference& n) {
    n.out({n.shape(0).at(n.node.int_or("transA", 0) != 0 ? 1 : 0),
           n.shape(1).at(n.node.int_or("transB", 0) != 0 ? 0 : 1)});
}

void matmul(Inference& n) {
    Shape a = n.shape(0), b = n.shape(1);
    const bool row = a.size() == 1, column = b.size() == 1;
    if (row) a.insert(a.begin(), 1);
    if (column) b.push_back(1);
    if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) throw Unknown{};
    Shape shape = broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
    if (!row) shape.push_back(a[a.size() - 2]);
    if (!column) shape.push_back(b.back());
    n.out(shape);
}

void einsum(Inference& n) {
    std::string equation = n.node.string_or("equation", "");
    std::erase(equation, ' ');
    if (equation.find("...") != std::string::npos) throw Unknown{};
    const auto arrow = equation.find("->");
    std::map<char, std::int64_t> sizes;
    std::map<char, int> seen;
    std::size_t input = 0, axis = 0;
    for (const char c : equation.substr(0, arrow)) {
        if (c == ',') {
            ++input;
            axis = 0;
            continue;
        }
        sizes[c] = std::max(sizes[c], n.shape(input).at(axis++));
        ++seen[c];
    }
    Shape shape;
    if (arrow == std::string::npos) {
        for (const auto& [c, count] : seen) {
            if (count == 1) shape.push_back(sizes.at(c));
        }
    } else {
        for (const char c : equation.substr(arrow + 2)) shape.push_back(sizes.at(c));
    }
    n.out(shape);
}

}  // namespace

const RuleTable& linear_rules() {
    static const RuleTable table{
        {"Gemm", gemm},
        {"MatMul", matmul},
        {"Einsum", einsum},
    };
    return table;
}

}  // namespace locus::model::shape_rules
