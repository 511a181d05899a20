#include "train/executor.hpp"

#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <torch/types.h>

#include "locus/error.hpp"

namespace locus::train {

namespace {

/// Whether training changes input `i` of the node where that is a constant, and whether weight decay applies to it.
enum class Role { constant, weight, bias, statistic };
Role role_of(const model::Node& node, std::size_t i) {
    if (node.is("Conv") || node.is("ConvTranspose") || node.is("Gemm")) {
        return i == 1 ? Role::weight : i == 2 ? Role::bias : Role::constant;
    }
    if (node.is("MatMul") || node.is("Einsum")) return Role::weight;
    if (node.is("BatchNormalization")) return i == 1 || i == 2 ? Role::bias : i > 2 ? Role::statistic : Role::constant;
    if (node.is("LayerNormalization") || node.is("InstanceNormalization") || node.is("GroupNormalization") ||
        node.is("RMSNormalization")) {
        return i > 0 ? Role::bias : Role::constant;
    }
    if (node.is("PRelu") && i == 1) return Role::bias;
    return Role::constant;
}

/// Floats of a pass that computes in bfloat16, as an operator takes them.
void cast_for(Precision precision, Tensors& inputs) {
    if (precision == Precision::as_given) return;
    const bool reduced = precision == Precision::reduced;
    for (at::Tensor& input : inputs) {
        if (input.defined() && input.scalar_type() == (reduced ? at::kFloat : at::kBFloat16))
            input = input.to(reduced ? at::kBFloat16 : at::kFloat);
    }
}

}  // namespace

Executor::Executor(const model::Model& model, at::ScalarType type, const std::string& trained)
    : graph_(model.graph), opset_(model.opset()), type_(type) {
    for (const model::Node& node : graph_.nodes) {
        if (!node.domain.empty() || !find_operator(node.op_type)) {
            cannot_run(node, node.domain.empty() ? "the operator " + node.op_type : node.domain + "." + node.op_type);
        }
    }
    if (!graph_.inputs.empty()) input_name_ = graph_.inputs[0].name;
    for (const auto& [name, tensor] : graph_.initializers) {
        at::Tensor value = to_torch(tensor);
        if (at::isFloatingType(value.scalar_type())) value = value.to(type_);
        constants_.emplace(name, std::move(value));
    }
    graph_.initializers.clear();
    fold_constants();
    choose_parameters(trained);
    plan();
}

int Executor::slot(const std::string& name) {
    if (name.empty()) return -1;
    return slots_.emplace(name, static_cast<int>(slots_.size())).first->second;
}

void Executor::fold_constants() {
    at::NoGradGuard no_gradients;
    std::vector<model::Node> kept;
    for (model::Node& node : graph_.nodes) {
        bool constant = !node.inputs.empty();
        for (const std::string& input : node.inputs)
            constant = constant && (input.empty() || constants_.contains(input));
        if (!constant) {
            kept.push_back(std::move(node));
            continue;
        }
        Tensors inputs;
        for (const std::string& input : node.inputs)
            inputs.push_back(input.empty() ? at::Tensor() : constants_.at(input));
        Call call{node, inputs, opset_, type_};
        const Tensors outputs = find_operator(node.op_type)(call);
        for (std::size_t i = 0; i < node.outputs.size() && i < outputs.size(); ++i) {
            if (!node.outputs[i].empty()) constants_[node.outputs[i]] = outputs[i].contiguous();
        }
    }
    graph_.nodes = std::move(kept);
}

void Executor::choose_parameters(const std::string& trained) {
    std::set<std::string> seen;
    const model::Index index(graph_);
    for (const model::Node& node : graph_.nodes) {
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            const auto found = constants_.find(node.inputs[i]);
            if (found == constants_.end() || !at::isFloatingType(found->second.scalar_type())) continue;
            Role role = role_of(node, i);
            // The bias of a linear layer written as MatMul or Einsum and Add.
            if (role == Role::constant && node.is("Add") && found->second.dim() == 1) {
                const model::Node* other = index.producer(node.input(1 - i));
                if (other && (other->is("MatMul") || other->is("Einsum"))) role = Role::bias;
            }
            if (role == Role::constant || !found->first.starts_with(trained) || !seen.insert(found->first).second)
                continue;
            if (role == Role::statistic) {
                statistics_[found->first] = found->second;
            } else {
                parameters_.push_back(
                    {found->first, found->second.detach().clone().requires_grad_(true), role == Role::weight});
            }
        }
    }
    for (const Parameter& parameter : parameters_) constants_.erase(parameter.name);
    for (const auto& [name, value] : statistics_) constants_.erase(name);
}

void Executor::plan() {
    const model::Index index(graph_);
    std::unordered_map<int, std::size_t> last_use;
    for (const model::Node& node : graph_.nodes) {
        Step step{steps_.size(), &node, find_operator(node.op_type), {}, {}, {}, false};
        step.precision = precision_of(node.op_type);
        for (const std::string& input : node.inputs) step.inputs.push_back(slot(input));
        for (const std::string& output : node.outputs) step.outputs.push_back(slot(output));
        for (const int used : step.inputs) {
            if (used >= 0) last_use[used] = steps_.size();
        }
        // Writing over an input is safe where its producer's derivative does not need its own output, nobody else reads
        // it, and it is no output of the graph. That saves a pass over memory for each Relu and each residual sum.
        const model::Node* producer = index.producer(node.input(0));
        if ((node.is("Relu") || node.is("Add")) && producer && index.consumers(node.input(0)).size() == 1 &&
            node.input(0) != node.input(1) && !graph_.find_output(node.input(0))) {
            step.may_overwrite = producer->is("BatchNormalization") || producer->is("Conv") ||
                                 (node.is("Relu") && (producer->is("Add") || producer->is("Gemm")));
        }
        step.trains = !node.is("BatchNormalization") || statistics_.contains(node.input(3));
        steps_.push_back(std::move(step));
    }
    for (const auto& [used, at] : last_use) steps_[at].finished.push_back(used);
    for (const auto& input : graph_.inputs) slot(input.name);
}

Tensors Executor::run_step(const Step& step, std::vector<at::Tensor>& slots, Pass& pass) const {
    Tensors inputs;
    inputs.reserve(step.inputs.size());
    for (const int from : step.inputs)
        inputs.push_back(from < 0 ? at::Tensor() : slots[static_cast<std::size_t>(from)]);
    // Each node of a pass draws from a stream of its own, whatever runs beside it.
    const std::uint64_t seed = pass.random_seed * 0x9E3779B97F4A7C15U + step.index;
    if (pass.bfloat16) cast_for(step.precision, inputs);
    Call call{*step.node,
              inputs,
              opset_,
              type_,
              pass.training && step.trains,
              step.may_overwrite,
              pass.training && step.trains ? &pass.statistics : nullptr,
              seed,
              pass.across ? &pass.across : nullptr};
    try {
        return step.run(call);
    } catch (const c10::Error& error) {
        throw Error(ErrorKind::model, fmt::format("{} ({}) cannot be run: {}", step.node->description(),
                                                  step.node->op_type, error.what_without_backtrace()));
    }
}

Tensors Executor::run(const std::map<std::string, at::Tensor>& inputs, const std::vector<std::string>& outputs,
                      Pass& pass) const {
    std::vector<at::Tensor> slots(slots_.size());
    const auto place = [&](const std::string& name, const at::Tensor& value) {
        const auto found = slots_.find(name);
        if (found != slots_.end()) slots[static_cast<std::size_t>(found->second)] = value;
    };
    for (const auto& [name, value] : constants_) place(name, value);
    for (const auto& [name, value] : statistics_) place(name, value);
    for (const Parameter& parameter : parameters_) place(parameter.name, parameter.value);
    for (const auto& [name, value] : inputs) place(name, is_half(value.scalar_type()) ? value.to(type_) : value);

    std::set<int> wanted;
    for (const std::string& output : outputs) {
        const auto found = slots_.find(output);
        if (found == slots_.end()) {
            if (constants_.contains(output)) continue;
            throw Error(ErrorKind::model, fmt::format("the graph has no tensor '{}'", output));
        }
        wanted.insert(found->second);
    }
    std::size_t missing = 0;
    for (const int slot : wanted) missing += !slots[static_cast<std::size_t>(slot)].defined();
    for (const Step& step : steps_) {
        if (missing == 0) break;
        bool overwrites_wanted = step.may_overwrite && wanted.contains(step.inputs[0]);
        Step careful;
        if (overwrites_wanted) {
            careful = step;
            careful.may_overwrite = false;
        }
        Tensors made = run_step(overwrites_wanted ? careful : step, slots, pass);
        for (std::size_t i = 0; i < step.outputs.size() && i < made.size(); ++i) {
            if (step.outputs[i] < 0) continue;
            missing -= wanted.contains(step.outputs[i]);
            slots[static_cast<std::size_t>(step.outputs[i])] = std::move(made[i]);
        }
        for (const int done : step.finished) {
            if (!wanted.contains(done)) slots[static_cast<std::size_t>(done)] = at::Tensor();
        }
    }
    Tensors results;
    for (const std::string& output : outputs) {
        const auto found = slots_.find(output);
        results.push_back(found == slots_.end() ? constants_.at(output)
                                                : slots[static_cast<std::size_t>(found->second)]);
    }
    return results;
}

at::Tensor Executor::run(const at::Tensor& input, const std::string& output) const {
    at::NoGradGuard no_gradients;
    Pass pass;
    return run({{input_name_, input}}, {output}, pass)[0];
}

Tensors Executor::values() const {
    Tensors values;
    for (const Parameter& parameter : parameters_) values.push_back(parameter.value);
    return values;
}

void Executor::update_statistics(const std::vector<std::vector<BatchStatistics>>& passes, double momentum) {
    if (passes.empty()) return;
    at::NoGradGuard no_gradients;
    for (std::size_t i = 0; i < passes[0].size(); ++i) {
        at::Tensor mean = passes[0][i].mean.clone();
        at::Tensor variance = passes[0][i].unbiased_variance.clone();
        for (std::size_t k = 1; k < passes.size(); ++k) {
            mean += passes[k][i].mean;
            variance += passes[k][i].unbiased_variance;
        }
        const double share = momentum / static_cast<double>(passes.size());
        const model::Node& node = *passes[0][i].node;
        statistics_.at(node.input(3)).mul_(1 - momentum).add_(mean, share);
        statistics_.at(node.input(4)).mul_(1 - momentum).add_(variance, share);
    }
}

void Executor::store(model::Model& model) const {
    const auto put = [&](const std::string& name, const at::Tensor& value) {
        const auto found = model.graph.initializers.find(name);
        const DataType type = found == model.graph.initializers.end() ? DataType::float32 : found->second.type();
        model.graph.initializers[name] = from_torch(value).to(type);
    };
    for (const Parameter& parameter : parameters_) put(parameter.name, parameter.value);
    for (const auto& [name, value] : statistics_) put(name, value);
    // A weight that the file computes from constants is now a constant itself.
    std::erase_if(model.graph.nodes, [&](const model::Node& node) {
        return !node.outputs.empty() && model.graph.initializers.contains(node.outputs[0]);
    });
    model::remove_unused(model.graph);
}

}  // namespace locus::train
