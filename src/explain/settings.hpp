#pragma once

/// A method's settings as words, as a command line or a configuration has them.
///
///     explain::set(options, "samples", "500");
///     explain::set(options, "target", "probability");
///
/// | key | values |
/// | --- | --- |
/// | samples | masks of rise, draws of ss-cam, noisy inputs of smooth-grad and smooth-grad-cam++ |
/// | steps | of integrated-gradients and is-cam |
/// | noise | standard deviation, as the method counts it, above 0 |
/// | variant | standard, torchcam |
/// | fuse | mean, max, product: how several layers become one map |
/// | grid | rows x columns of the target layer's tokens, "7x7"; tokens before them are extra |
/// | channels | first, last: where the target layer's channels stand |
/// | smooth | augment, eigen, or both joined by a comma |
/// | target | logit, probability, difference, mask, similarity |
/// | alpha, nearest | of the target `difference` |

#include <string>
#include <vector>

#include "explain/method.hpp"

namespace locus::explain {

/// Throws Error(usage) for an unknown key or a value that does not fit, with what would be right, and for a key that has
/// been set before.
void set(MethodOptions& options, const std::string& key, const std::string& value);

/// Throws Error(usage) where a key has been set that means nothing to any of the methods, naming those to which it
/// would.
void require_effect(const std::vector<const Method*>& methods, const MethodOptions& options);

}  // namespace locus::explain
