// `infer_node`: the rules of shape_rules/, one function an operator.

#include <stdexcept>
#include <variant>

#include "locus/error.hpp"
#include "model/shape_rules/rule.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

shape_rules::Rule find_rule(const std::string& op_type) {
    using namespace shape_rules;
    for (const RuleTable* table : {&elementwise_rules(), &indexing_rules(), &layout_rules(), &linear_rules(),
                                   &reduction_rules(), &value_rules(), &window_rules()}) {
        if (const auto rule = table->find(op_type); rule != table->end()) return rule->second;
    }
    return nullptr;
}

}  // namespace

bool infer_node(const Node& node, std::int64_t opset, KnownTensors& known) {
    if (!node.domain.empty()) return false;
    const shape_rules::Rule rule = find_rule(node.op_type);
    if (rule == nullptr) return false;
    try {
        shape_rules::Inference inference{node, opset, known};
        rule(inference);
        if (node.output(0).empty()) return true;
        KnownTensor& result = known.at(node.output(0));
        if (!result.value) result.value = evaluate_node(node, opset, known, result);
        return true;
    } catch (const shape_rules::Unknown&) {
        return false;
    } catch (const std::out_of_range&) {
        return false;  // an input or attribute shorter than the operator needs
    } catch (const std::bad_variant_access&) {
        return false;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace locus::model
