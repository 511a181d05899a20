#pragma once

/// Which method "auto" is for a network.
///
///     std::optional<Prepared> prepared;
///     const Method& method = choose_automatic_method(
///         network, options, [&](const Method& candidate) { prepared = prepare(candidate, network, options); });

#include <functional>
#include <string>
#include <vector>

#include "explain/method.hpp"
#include "explain/network.hpp"

namespace locus::explain {

/// The first of cam, hires-cam and occlusion that applies and that `try_out` does not throw Error(unsupported, usage)
/// for: what looks like a head for cam may not be one, which its numbers tell, and what has derivatives may have none
/// that tells. network.warnings say which ones were passed over, and why. Throws what `try_out` throws where nothing is
/// left, a layer asked for being no matter for occlusion; and Error(usage) for settings that mean nothing to the method
/// that the graph promises.
const Method& choose_automatic_method(Network& network, const MethodOptions& options,
                                      const std::function<void(const Method&)>& try_out);

/// Adds a warning for each method that changes Relu's rule (the guided family) where the network has no Relu (relu6 is
/// a Clip), so that there is nothing to change.
void warn_of_missing_relu(const std::vector<const Method*>& methods, Network& network);

/// Warns where the layer that the methods choose has only part of the score pass through it (`bypass_warning`).
void warn_of_bypassed_layer(const std::vector<const Method*>& methods, Network& network, const MethodOptions& options);

/// The methods of these names, each once, "auto" among them, and what is to be warned of. What "auto" is, is found out
/// by making it ready, for nothing else.
std::vector<const Method*> named_methods(const std::vector<std::string>& names, Network& network,
                                         const MethodOptions& options);

}  // namespace locus::explain
