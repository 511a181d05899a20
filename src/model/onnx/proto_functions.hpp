#pragma once

/// Model-local functions (ModelProto.functions), as PyTorch's dynamo exporter writes them: layers, or a whole head,
/// behind one node that calls them.

#include <onnx/onnx_pb.h>

namespace locus::model {

/// Puts the functions' bodies in the place of the nodes that call them, in subgraphs and in functions as well, so that
/// all layers are seen. Names outside of functions stay. A tensor `y` inside is called "call/y", by the name of the
/// node that calls (by its function's, where it has none); a number follows where a name is taken. Attributes by
/// reference become the call's, else the function's default, else are left out.
///
/// As ONNX Runtime does (1.30, tried): bodies are read by the *model's* version of an operator set, whatever the
/// function says; operators that the runtime has itself go before functions of their name, so functions in its domains
/// ("ai.onnx", "com.microsoft") stay as they are; and of two functions of one name the last counts.
///
/// Throws Error(model) where a function calls itself, directly or through others, where functions call each other more
/// than 64 deep, or where a node gives a function more inputs than it takes or wants more outputs than it has;
/// Error(resource) where the bodies written out come to more than 262,144 nodes, or 256 MiB more than they are.
void inline_functions(onnx::ModelProto& model);

}  // namespace locus::model
