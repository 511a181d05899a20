#include "runtime/failure_sentence.hpp"

#include <regex>

#include <fmt/format.h>

#include "runtime/session.hpp"
#include "text/quote.hpp"

namespace locus::runtime {
namespace {

/// The message up to what fits into a sentence: names in models may be of any length, and std::regex calls itself for
/// every character.
std::string shortened(std::string_view message) {
    constexpr std::size_t most = 2000;
    return std::string(message.substr(0, most));
}

/// Where the function's signature at the start of `text` ends, as "T ns::f(const A&, B<C>) const [with D = E]" before a
/// blank: npos where it goes on to the end.
std::size_t end_of_signature(std::string_view text) {
    int depth = 0;
    bool has_parameters = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '(' || text[i] == '[') ++depth;
        if (text[i] == ')' || text[i] == ']') --depth;
        has_parameters = has_parameters || text[i] == ')';
        if (text[i] != ' ' || depth > 0 || !has_parameters) continue;
        const std::string_view rest = text.substr(i + 1);
        if (rest.starts_with('[')) continue;
        if (rest.starts_with("const ") || rest.starts_with("const::") || rest.starts_with("noexcept ")) continue;
        return i;
    }
    return std::string_view::npos;
}

/// Leaves out "/a/b.cc:12 T ns::f(A, B) " where a message holds it, and the condition that was asserted there if more
/// is said after it.
std::string without_source_position(std::string text) {
    static const std::regex position(R"((?:[A-Za-z]:)?[/\\][^\s:]+\.(?:cc|cpp|h|hpp|cu|cuh):\d+ )");
    std::smatch found;
    if (!std::regex_search(text, found, position)) return text;
    const std::string before = found.prefix();
    const std::string after = found.suffix();
    const std::size_t end = end_of_signature(after);
    if (end == std::string::npos) return text;
    std::string said = after.substr(end + 1);
    static constexpr std::string_view asserted = " was false. ";
    if (const std::size_t at = said.find(asserted); at != std::string::npos && at + asserted.size() < said.size())
        said.erase(0, at + asserted.size());
    return before + said;
}

/// The message without its code, the place in the runtime's source and its further lines.
std::string cleaned(std::string message) {
    static const std::regex code(R"(^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : )");
    message = without_source_position(std::regex_replace(message, code, ""));
    if (const auto line = message.find('\n'); line != std::string::npos) message.resize(line);
    while (!message.empty() && (message.back() == ' ' || message.back() == '.')) message.pop_back();
    return text::printable(message);
}

}  // namespace

std::string load_failure(std::string_view message) {
    const std::string raw = shortened(message);
    std::smatch found;
    static const std::regex no_operator(R"(No Op registered for (\S+) with domain_version of (\d+))");
    static const std::regex node(R"re(In Node, \("([^"]*)")re");
    static const std::regex no_kernel(
        R"(Could not find an implementation for (\w+)\((\d+)\) node with name '([^']*)')");
    static const std::regex opset(
        R"(ONNX Runtime only \*guarantees\* support for models stamped with official released onnx opset versions\. .*domain ai\.onnx is till opset (\d+))");
    if (std::regex_search(raw, found, no_operator)) {
        const std::string op = found[1], version = found[2];
        std::string where;
        if (std::regex_search(raw, found, node) && found[1].length() > 0)
            where = fmt::format(" (node {})", text::quote(found[1].str()));
        return fmt::format("the model uses the operator {}{}, which ONNX Runtime {} does not have at opset {}",
                           text::printable(op), where, runtime_version(), version);
    }
    if (std::regex_search(raw, found, no_kernel)) {
        return fmt::format("ONNX Runtime {} has no implementation of {} (opset {}) for the types that node {} works on",
                           runtime_version(), found[1].str(), found[2].str(), text::quote(found[3].str()));
    }
    if (std::regex_search(raw, found, opset)) {
        return fmt::format("the model's opset is newer than {}, the newest that ONNX Runtime {} reads", found[1].str(),
                           runtime_version());
    }
    static const std::regex ir_version(R"(Unsupported model IR version: (\d+), max supported IR version: (\d+))");
    if (std::regex_search(raw, found, ir_version)) {
        return fmt::format("the model's format (IR version {}) is newer than {}, the newest that ONNX Runtime {} reads",
                           found[1].str(), found[2].str(), runtime_version());
    }
    return fmt::format("ONNX Runtime {} refuses the model: {}", runtime_version(), cleaned(raw));
}

std::string run_failure(std::string_view message) {
    const std::string raw = shortened(message);
    static const std::regex at_node(R"(while running (\w+) node\. Name:'([^']*)' Status Message: )");
    std::smatch found;
    if (!std::regex_search(raw, found, at_node))
        return fmt::format("the network fails on this input: {}", cleaned(raw));
    const std::string op = found[1], name = found[2];
    return fmt::format("the network fails on this input at {}{}: {}", op,
                       name.empty() ? "" : fmt::format(" (node {})", text::quote(name)), cleaned(found.suffix()));
}

bool is_memory_shortage(std::string_view message) {
    return message.find("bad_alloc") != std::string_view::npos ||
           message.find("Failed to allocate memory") != std::string_view::npos;
}

}  // namespace locus::runtime
