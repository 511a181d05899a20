#pragma once

/// What a Tensor throws where it is asked for what it cannot be: Error(usage), for a caller of the library would have
/// asked. Where the shapes, types and counts are those of a model, it is the model's fault:
///
///     return model::blaming_the_model([&] { return read_model(proto, external); });   // throws Error(model) instead

#include <string>
#include <utility>

#include "locus/error.hpp"

namespace locus::model {

class TensorMisuse : public Error {
public:
    explicit TensorMisuse(const std::string& sentence) : Error(ErrorKind::usage, sentence) {}
};

/// What `action` returns; what it throws, with TensorMisuse as Error(model).
template <class Action> decltype(auto) blaming_the_model(Action&& action) {
    try {
        return std::forward<Action>(action)();
    } catch (const TensorMisuse& error) {
        throw Error(ErrorKind::model, error.what());
    }
}

}  // namespace locus::model
