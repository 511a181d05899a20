// Matrix products.

#include <string>

#include "model/derivative_rules/rule.hpp"

namespace locus::model {
namespace {

/// The columns of `weights` [K, C] that a one-hot gradient [N] picks, as [N, K]; or the rows of [C, K].
Value picked(const Value& weights, const Value& classes, bool rows) {
    auto& emit = weights.emitter();
    const std::int64_t axis = rows ? 0 : 1;
    const Value chosen = emit.node("Gather", {weights, classes}, {{"axis", axis}});
    return rows ? chosen : transposed(chosen);
}

/// a b, or a bᵀ, … as one Gemm.
Value product(const Value& a, bool transpose_a, const Value& b, bool transpose_b, double alpha = 1) {
    if (alpha == 1 && !transpose_a && !transpose_b) return matmul(a, b);
    Emitter::Attributes attributes;
    if (alpha != 1) attributes["alpha"] = static_cast<float>(alpha);
    if (transpose_a) attributes["transA"] = std::int64_t{1};
    if (transpose_b) attributes["transB"] = std::int64_t{1};
    return a.emitter().node("Gemm", {a, b}, std::move(attributes));
}

/// Y = alpha A' B' + beta C, with A' = A or Aᵀ.
void gemm(RuleContext& node) {
    const bool ta = node.node().int_or("transA", 0) != 0, tb = node.node().int_or("transB", 0) != 0;
    const double alpha = node.node().float_or("alpha", 1.0F), beta = node.node().float_or("beta", 1.0F);
    const Value a = node.input(0), b = node.input(1);
    if (node.wants(0)) {
        const Gradient& g = node.deferred_gradient();
        if (g.one_hot && !ta)
            node.give(0, picked(b, g.one_hot, tb) * alpha);
        else if (ta)
            node.give(0, product(b, tb, node.gradient(), true, alpha));
        else
            node.give(0, product(node.gradient(), false, b, !tb, alpha));
    }
    if (node.wants(1)) {
        const Value g = node.gradient();
        node.give(1, tb ? product(g, true, a, ta, alpha) : product(a, !ta, g, false, alpha));
    }
    if (node.wants(2)) node.give_broadcast(2, node.gradient() * beta);
}

/// Batches of matrices, broadcast; a vector counts as a row on the left and as a column on the right.
void matmul_rule(RuleContext& node) {
    const Value a = node.input(0), b = node.input(1);
    const auto rank_a = a.rank(), rank_b = b.rank();
    if (node.wants(0) && !node.wants(1) && rank_a == 2 && rank_b == 2) {
        const Gradient& deferred = node.deferred_gradient();
        return node.give(
            0, deferred.one_hot ? picked(b, deferred.one_hot, false) : product(node.gradient(), false, b, true));
    }
    Value g = node.gradient();
    Value left = a, right = b;
    if (rank_b == 1) {
        g = unsqueeze(g, {-1});
        right = unsqueeze(b, {1});
    }
    if (rank_a == 1) {
        g = unsqueeze(g, {-2});
        left = unsqueeze(a, {0});
    }
    // Each gradient has the batch dimensions of the product; those that were broadcast are summed over.
    if (node.wants(0)) {
        const Value full = matmul(g, transposed(right));
        const Value whole = sum_to_shape(full, left.shape(), full);
        node.give(0, rank_a == 1 ? squeeze(whole, {0}) : whole);
    }
    if (node.wants(1)) {
        if (right.rank() == 2 && left.rank() > 2) {
            // One matrix for all rows of the batch: a single product.
            const Value rows = reshape(left, {-1, left.shape().back()});
            const Value flat = reshape(g, {-1, g.shape().back()});
            const Value whole = product(rows, true, flat, false);
            return node.give(1, rank_b == 1 ? squeeze(whole, {1}) : whole);
        }
        const Value full = matmul(transposed(left), g);
        const Value whole = sum_to_shape(full, right.shape(), full);
        node.give(1, rank_b == 1 ? squeeze(whole, {1}) : whole);
    }
}

/// out = einsum("a,b->out"): the gradient of a is einsum("out,b->a").
void einsum(RuleContext& node) {
    std::string equation = node.node().string_or("equation", "");
    std::erase(equation, ' ');
    const auto arrow = equation.find("->");
    if (arrow == std::string::npos || equation.find("...") != std::string::npos)
        node.unsupported("its equation '" + equation + "' leaves out the result or has '...'");
    const std::string result = equation.substr(arrow + 2);
    std::vector<std::string> terms{""};
    for (const char c : equation.substr(0, arrow)) {
        if (c == ',')
            terms.emplace_back();
        else
            terms.back() += c;
    }
    for (std::size_t i = 0; i < terms.size(); ++i) {
        if (!node.wants(i)) continue;
        std::string others = result;
        std::vector<Value> operands{node.gradient()};
        for (std::size_t k = 0; k < terms.size(); ++k) {
            if (k == i) continue;
            others += "," + terms[k];
            operands.push_back(node.input(k));
        }
        std::string kept;  // indices summed over that nothing else has are all alike: broadcast afterwards
        Ints missing;
        for (std::size_t c = 0; c < terms[i].size(); ++c) {
            if (terms[i].find(terms[i][c]) != c) node.unsupported("its equation '" + equation + "' takes a diagonal");
            if (others.find(terms[i][c]) == std::string::npos)
                missing.push_back(static_cast<std::int64_t>(c));
            else
                kept += terms[i][c];
        }
        const Value part = node.emit().node("Einsum", operands, {{"equation", others + "->" + kept}});
        node.give(i, unsqueeze(part, missing));
    }
}

}  // namespace

const RuleTable& linear_rules() {
    static const RuleTable table{{"Einsum", einsum}, {"Gemm", gemm}, {"MatMul", matmul_rule}};
    return table;
}

}  // namespace locus::model
