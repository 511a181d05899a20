#pragma once

/// Errors that Locus throws.
///
///     try {
///         locus::Explainer explainer("model.onnx");
///     } catch (const locus::Error& error) {
///         std::cerr << error.what() << '\n';   // one sentence: what is wrong, where, what would be right
///     }
///
/// A sentence begins in lower case and has no full stop, so that it can stand behind "error: " and before more of the
/// same.
///
/// The library never prints and never ends the process; failures arrive as `locus::Error`, but for memory that runs out
/// where it could not be foreseen: `std::bad_alloc`.

#include <stdexcept>
#include <string>

namespace locus {

/// What kind of thing went wrong: callers decide by this, people read `what()`.
enum class ErrorKind {
    usage,        ///< The caller asked for something that cannot be: a class out of range, an unknown layer.
    model,        ///< The model file is broken or does not do what was asked of it.
    image,        ///< An image cannot be read.
    io,           ///< A file cannot be opened, read or written.
    unsupported,  ///< Valid, but not something Locus can do: an operator without a derivative, say.
    resource,     ///< A limit was reached: memory, image size, threads.
};

class Error : public std::runtime_error {
public:
    Error(ErrorKind kind, const std::string& sentence) : std::runtime_error(sentence), kind_(kind) {}

    ErrorKind kind() const noexcept { return kind_; }

private:
    ErrorKind kind_;
};

/// Thrown where the caller asked to stop (ExplainerOptions::stop). Nothing is wrong, so that it is no Error.
struct Stopped {};

}  // namespace locus
