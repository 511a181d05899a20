#include "explain/shared_pass.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "explain/fusion.hpp"
#include "explain/node_method.hpp"
#include "explain/target_layer.hpp"
#include "locus/error.hpp"

namespace locus::explain {
namespace {

using model::Value;

/// True where one graph, with its derivative, serves both: the same number explained at the same layers, on the same
/// pixels.
bool share_a_pass(const PassPlan& a, const PassPlan& b) {
    return a.map_of == b.map_of && a.options.layer == b.options.layer &&
           a.options.target.kind == b.options.target.kind && a.options.target.alpha == b.options.target.alpha &&
           a.options.target.nearest == b.options.target.nearest && a.options.eigen_smooth == b.options.eigen_smooth;
}

/// Plans in one pass, and how many values each has in it.
struct JointPass {
    std::vector<PassPlan> plans;
    std::vector<std::size_t> counts;
    std::unique_ptr<ClassPass> pass;

    std::vector<Attribution> explain(const Tensor& inputs, const ClassSelection& classes) const {
        ClassOutputs all = pass->run(inputs, classes);
        std::vector<Attribution> results;
        std::size_t first = 0;
        for (std::size_t i = 0; i < plans.size(); ++i) {
            ClassOutputs own{.logits = all.logits, .class_indices = all.class_indices};
            for (auto& values : all.values) {
                const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first);
                own.values.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(counts[i]));
            }
            first += counts[i];
            results.push_back(plans[i].finish(*pass, inputs, std::move(own)));
        }
        return results;
    }
};

std::shared_ptr<JointPass> joint_pass(const Network& network, std::vector<PassPlan> plans) {
    auto joint = std::make_shared<JointPass>();
    joint->plans = std::move(plans);
    auto graph = std::make_unique<MapGraph>(network, joint->plans.front().options, joint->plans.front().map_of);
    joint->pass = std::make_unique<ClassPass>(std::move(graph), [&](MapGraph& g, const Value& classes) {
        std::vector<Value> all;
        for (const PassPlan& plan : joint->plans) {
            const auto values = plan.nodes(g, classes);
            joint->counts.push_back(values.size());
            all.insert(all.end(), values.begin(), values.end());
        }
        return all;
    });
    return joint;
}

std::string layer_name(const Network& network, const JointPass& joint) {
    return joint.plans.front().map_of == MapOf::input ? network.input : joined_names(joint.pass->layers());
}

/// One method on several layers, each by itself.
struct LayerByLayer {
    std::vector<Prepared> layers;
    Fusion fusion = Fusion::mean;
    std::int64_t height = 0, width = 0;  // of the input

    Attribution explain(const Tensor& inputs, const ClassSelection& classes) const {
        std::vector<Attribution> all;
        for (const Prepared& layer : layers) all.push_back(layer.explain(inputs, classes));
        Attribution result{.logits = all.front().logits, .class_indices = all.front().class_indices};
        const std::int64_t n = inputs.shape()[0], m = result.class_indices.shape()[1];
        std::vector<Tensor> maps;
        for (Attribution& a : all) {
            const Shape shape = a.maps.shape();
            const auto values = a.maps.mutable_values<float>();
            const std::size_t size = static_cast<std::size_t>(shape[2] * shape[3]);
            for (std::size_t i = 0; i < a.signs.size();
                 ++i) {  // upright, so that what is fused is what speaks for the class
                if (a.signs[i] > 0) continue;
                for (float& value : values.subspan(i * size, size)) value = -value;
            }
            maps.push_back(a.maps.reshaped({n * m, shape[2], shape[3]}));
            if (!a.note.empty()) result.note = a.note;
            if (!a.notes.empty()) result.notes = a.notes;
            if (!a.signs_by.empty()) result.signs_by = a.signs_by;
        }
        const Tensor map = fused(maps, fusion, height, width);
        result.maps = map.reshaped({n, m, map.shape()[1], map.shape()[2]});
        return result;
    }
};

void require_channels(const Method& method, const MethodOptions& options) {
    if (!options.eigen_smooth || method.weighs_channels) return;
    throw Error(ErrorKind::usage,
                fmt::format("eigen smoothing takes the first principal component of a sum over channels, which {} does "
                            "not make; augment smooths every method",
                            method.name));
}

}  // namespace

Prepared prepare(const Method& method, const Network& network, const MethodOptions& options) {
    require_channels(method, options);
    if (method.plan != nullptr || options.layer.find(',') == std::string::npos) return method.prepare(network, options);
    const auto layers =
        find_target_layers(network, network_shapes(network, network.model), options.layer, options.layout);
    if (layers.size() == 1) {
        MethodOptions once = options;  // "A,A" is A
        once.layer = layers.front().tensor;
        return method.prepare(network, once);
    }
    auto one_by_one = std::make_shared<LayerByLayer>();
    one_by_one->fusion = options.fusion;
    one_by_one->height = network.preprocessing.height;
    one_by_one->width = network.preprocessing.width;
    for (const TargetLayer& layer : layers) {
        MethodOptions own = options;
        own.layer = layer.tensor;
        one_by_one->layers.push_back(method.prepare(network, own));
    }
    Prepared prepared;
    prepared.target_layer = joined_names(layers);
    prepared.classes = one_by_one->layers.front().classes;
    prepared.explain = [one_by_one](const Tensor& inputs, const ClassSelection& classes) {
        return one_by_one->explain(inputs, classes);
    };
    return prepared;
}

Prepared prepare_plan(const Network& network, PassPlan plan) {
    std::vector<PassPlan> plans;
    plans.push_back(std::move(plan));
    auto joint = joint_pass(network, std::move(plans));
    Prepared prepared;
    prepared.target_layer = layer_name(network, *joint);
    prepared.classes = joint->pass->classes();
    prepared.explain = [joint](const Tensor& inputs, const ClassSelection& classes) {
        return std::move(joint->explain(inputs, classes).front());
    };
    return prepared;
}

SharedMethods::SharedMethods(const Network& network, const std::vector<const Method*>& methods,
                             const MethodOptions& options)
    : layers_(methods.size()) {
    std::vector<std::vector<PassPlan>> plans;
    for (std::size_t i = 0; i < methods.size(); ++i) {
        const Method& method = *methods[i];
        if (method.plan == nullptr) {
            Prepared prepared = prepare(method, network, options);
            layers_[i] = prepared.target_layer;
            classes_ = prepared.classes;
            has_parts_ |= prepared.has_parts;
            plans.emplace_back();
            groups_.push_back({{i}, [prepared](const Tensor& inputs, const ClassSelection& classes) {
                                   return std::vector<Attribution>{prepared.explain(inputs, classes)};
                               }});
            continue;
        }
        require_channels(method, options);
        PassPlan plan = method.plan(network, options);
        const auto same = std::find_if(plans.begin(), plans.end(), [&](const auto& group) {
            return !group.empty() && share_a_pass(group.front(), plan);
        });
        if (same == plans.end()) {
            plans.emplace_back().push_back(std::move(plan));
            groups_.push_back({{i}, nullptr});
        } else {
            same->push_back(std::move(plan));
            groups_[static_cast<std::size_t>(same - plans.begin())].methods.push_back(i);
        }
    }
    for (std::size_t g = 0; g < groups_.size(); ++g) {
        if (plans[g].empty()) continue;
        auto joint = joint_pass(network, std::move(plans[g]));
        classes_ = joint->pass->classes();
        for (const std::size_t i : groups_[g].methods) layers_[i] = layer_name(network, *joint);
        groups_[g].explain = [joint](const Tensor& inputs, const ClassSelection& classes) {
            return joint->explain(inputs, classes);
        };
    }
}

std::vector<Attribution> SharedMethods::explain(const Tensor& inputs, const ClassSelection& classes) const {
    std::vector<Attribution> results(layers_.size());
    for (const Group& group : groups_) {
        auto own = group.explain(inputs, classes);
        for (std::size_t i = 0; i < own.size(); ++i) results[group.methods[i]] = std::move(own[i]);
    }
    return results;
}

Attribution SharedMethods::explain_one(std::size_t method, const Tensor& inputs, const ClassSelection& classes) const {
    for (const Group& group : groups_) {
        const auto place = std::find(group.methods.begin(), group.methods.end(), method);
        if (place == group.methods.end()) continue;
        return std::move(group.explain(inputs, classes)[static_cast<std::size_t>(place - group.methods.begin())]);
    }
    throw Error(ErrorKind::usage, fmt::format("there is no method {} among {}", method, layers_.size()));
}

}  // namespace locus::explain
