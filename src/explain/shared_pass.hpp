#pragma once

/// Methods that are computed beside the forward pass, each as a plan: what it wants of the pass and what it makes of
/// it. Plans that explain the same number at the same layers run in one pass: the trunk runs once, and one derivative
/// serves them all.
///
///     PassPlan plan = node_plan(options, grad_cam, MapOf::layer);
///     Prepared one = prepare_plan(network, plan);                               // what a method's `prepare` does
///     SharedMethods all(network, {&find_method("grad-cam"), &find_method("layer-cam")}, options);
///     std::vector<Attribution> maps = all.explain(inputs, {.top_k = 1});        // one a method, in one pass

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "explain/class_pass.hpp"
#include "explain/map_graph.hpp"
#include "explain/method.hpp"

namespace locus::explain {

struct PassPlan {
    MethodOptions options;  ///< as the method has adjusted them
    MapOf map_of = MapOf::layer;
    ClassNodes nodes;
    /// Maps from what the nodes gave for each class.
    std::function<Attribution(const ClassPass& pass, const Tensor& inputs, ClassOutputs outputs)> finish;
};

Prepared prepare_plan(const Network& network, PassPlan plan);

class SharedMethods {
public:
    /// Throws what the methods' prepare functions throw.
    SharedMethods(const Network& network, const std::vector<const Method*>& methods, const MethodOptions& options);

    /// One attribution a method, in their order. May be called from several threads at once.
    std::vector<Attribution> explain(const Tensor& inputs, const ClassSelection& classes) const;
    /// That of one of them, in the pass that it is in.
    Attribution explain_one(std::size_t method, const Tensor& inputs, const ClassSelection& classes) const;

    const std::string& target_layer(std::size_t method) const { return layers_[method]; }
    std::int64_t classes() const { return classes_; }
    bool has_parts() const { return has_parts_; }          ///< of one method at least
    std::size_t passes() const { return groups_.size(); }  ///< networks that run, each for one method or more

private:
    struct Group {
        std::vector<std::size_t> methods;
        std::function<std::vector<Attribution>(const Tensor& inputs, const ClassSelection& classes)> explain;
    };
    std::vector<Group> groups_;
    std::vector<std::string> layers_;
    std::int64_t classes_ = 0;
    bool has_parts_ = false;
};

}  // namespace locus::explain
