#include "explain/method_choice.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "explain/settings.hpp"
#include "explain/target_layer.hpp"
#include "locus/error.hpp"
#include "model/tensor_misuse.hpp"

namespace locus::explain {
namespace {

/// What is left to try where `method` failed; null where nothing is. A layer is asked of the methods that look at one.
const Method* after(const Method& method, const Network& network, const MethodOptions& options) {
    const bool layer_is_given = !options.layer.empty() || options.layout.grid || options.layout.channels_last;
    const auto& order = automatic_order();
    const auto failed = std::find(order.begin(), order.end(), &method);
    const auto next = std::find_if(failed + 1, order.end(), [&](const Method* candidate) {
        if (layer_is_given && candidate->map_of_input) return false;
        return candidate->obstacle == nullptr || candidate->obstacle(network).empty();
    });
    return next == order.end() ? nullptr : *next;
}

}  // namespace

void warn_of_missing_relu(const std::vector<const Method*>& methods, Network& network) {
    const auto& nodes = network.model.graph.nodes;
    if (std::any_of(nodes.begin(), nodes.end(), [](const model::Node& node) { return node.is("Relu"); })) return;
    for (const Method* method : methods) {
        if (!method->changes_relu) continue;
        network.warnings.push_back(
            fmt::format("the network has no Relu, whose rule {} changes: its gradient is the plain one", method->name));
    }
}

void warn_of_bypassed_layer(const std::vector<const Method*>& methods, Network& network, const MethodOptions& options) {
    const bool chooses = options.layer.empty() && std::any_of(methods.begin(), methods.end(), [](const Method* method) {
                             return !method->map_of_input;
                         });
    if (!chooses) return;
    if (std::string warning = bypass_warning(network, options.layout); !warning.empty())
        network.warnings.push_back(std::move(warning));
}

const Method& choose_automatic_method(Network& network, const MethodOptions& options,
                                      const std::function<void(const Method&)>& try_out) {
    const Method* method = &automatic_method(network);
    require_effect({method}, options);
    while (true) {
        try {
            model::blaming_the_model([&] { try_out(*method); });
            return *method;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::usage) throw;
            const Method* next = after(*method, network, options);
            if (next == nullptr) throw;
            network.warnings.push_back(
                fmt::format("the method auto is {} here, not {}: {}", next->name, method->name, error.what()));
            method = next;
        }
    }
}

std::vector<const Method*> named_methods(const std::vector<std::string>& names, Network& network,
                                         const MethodOptions& options) {
    std::vector<const Method*> found;
    for (const std::string& name : names) {
        const auto works = [&](const Method& candidate) { prepare(candidate, network, options); };
        const Method* method = name == "auto" ? &choose_automatic_method(network, options, works) : &find_method(name);
        if (std::find(found.begin(), found.end(), method) == found.end()) found.push_back(method);
    }
    warn_of_missing_relu(found, network);
    return found;
}

}  // namespace locus::explain
