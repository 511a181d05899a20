// Quantization, straight through (Bengio et al., 2013): rounding counts as doing nothing, scale and zero point cancel
// out between QuantizeLinear and DequantizeLinear.

#include "model/derivative_rules/rule.hpp"

namespace locus::model {
namespace {

void straight_through(RuleContext& node) {
    if (node.wants(1)) node.unsupported("its scale depends on the layer asked for");
    node.give(0, node.deferred_gradient());
}

}  // namespace

const RuleTable& quantization_rules() {
    static const RuleTable table{{"DequantizeLinear", straight_through}, {"QuantizeLinear", straight_through}};
    return table;
}

}  // namespace locus::model
