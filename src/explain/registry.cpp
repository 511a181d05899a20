#include <algorithm>

#include <fmt/format.h>

#include "explain/ablation_cam.hpp"
#include "explain/cam.hpp"
#include "explain/eigen_cam.hpp"
#include "explain/fem.hpp"
#include "explain/full_grad.hpp"
#include "explain/gradient_cam.hpp"
#include "explain/input_scores.hpp"
#include "explain/method.hpp"
#include "explain/node_method.hpp"
#include "explain/occlusion.hpp"
#include "explain/random_map.hpp"
#include "explain/recipro_cam.hpp"
#include "explain/rise.hpp"
#include "explain/saliency.hpp"
#include "explain/score_cam.hpp"
#include "explain/smooth_grad_cam_pp.hpp"
#include "locus/error.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::explain {

namespace {

const char* const one_gradient = "1 forward, 1 backward from the layer";

/// A formula of features and gradients at a layer.
template <MapNodes nodes> Method of_layer(const char* name, const char* summary, const char* source) {
    return {.name = name,
            .summary = summary,
            .source = source,
            .cost = one_gradient,
            .needs = "a gradient",
            .prepare = prepare_nodes<nodes>,
            .obstacle = gradient_obstacle,
            .nodes = nodes,
            .weighs_channels = true,
            .plan = plan_nodes<nodes>};
}

/// A formula of pixels and their gradients.
template <MapNodes nodes>
Method of_input(const char* name, const char* summary, const char* source, const char* needs = "a gradient") {
    return {.name = name,
            .summary = summary,
            .source = source,
            .cost = "1 forward, 1 backward",
            .needs = needs,
            .prepare = prepare_input_nodes<nodes>,
            .nodes = nodes,
            .map_of_input = true,
            .plan = plan_input_nodes<nodes>};
}

/// Everything else: `prepare` runs the network as it needs it.
Method by_itself(const char* name, const char* summary, const char* source, const char* cost, const char* needs,
                 FinalMap final_map, Prepared (*prepare)(const Network&, const MethodOptions&)) {
    return {.name = name,
            .summary = summary,
            .source = source,
            .cost = cost,
            .needs = needs,
            .final_map = final_map,
            .prepare = prepare};
}

/// The last words of a line of the table: what few methods have.
struct Also {
    bool weighs_channels = false;
    std::string (*obstacle)(const Network&) = nullptr;
    MapNodes nodes = nullptr;
    void (*adjust)(const Network&, MethodOptions&) = nullptr;
    PassPlan (*plan)(const Network&, const MethodOptions&) = nullptr;
    bool map_of_input = false;
    std::vector<std::string> settings = {};
    bool joins_layers_itself = false;
};
Method operator+(Method method, const Also& also) {
    method.weighs_channels = also.weighs_channels;
    method.obstacle = also.obstacle;
    method.nodes = also.nodes;
    method.adjust = also.adjust;
    method.plan = also.plan;
    method.map_of_input = also.map_of_input;
    method.settings = also.settings;
    method.joins_layers_itself = also.joins_layers_itself;
    return method;
}

}  // namespace

const std::vector<Method>& methods() {
    static const std::vector<Method> table{
        by_itself("cam", "the linear layer's weights on the last feature map",
                  "Zhou et al., CVPR 2016, arXiv:1512.04150", "1 forward",
                  "a global pool and one linear layer, or a channel a class and a global pool", FinalMap::relu,
                  prepare_cam) +
            Also{.weighs_channels = true, .obstacle = cam_obstacle, .nodes = cam_nodes},
        of_layer<grad_cam>("grad-cam", "features weighted by their gradients' means",
                           "Selvaraju et al., ICCV 2017, arXiv:1610.02391"),
        of_layer<grad_cam_pp>("grad-cam++", "features weighted by their positive gradients, each position by its share",
                              "Chattopadhay et al., WACV 2018, arXiv:1710.11063"),
        of_layer<xgrad_cam>("xgrad-cam",
                            "features weighted by their gradients, each position by its share of the channel",
                            "Fu et al., BMVC 2020, arXiv:2008.02312"),
        of_layer<layer_cam>("layer-cam", "features times their positive gradients, position by position",
                            "Jiang et al., IEEE TIP 2021, doi:10.1109/TIP.2021.3089943"),
        of_layer<hires_cam>("hires-cam", "features times their gradients, position by position",
                            "Draelos & Carin 2020, arXiv:2011.08891"),
        of_layer<grad_cam_elementwise>("grad-cam-elementwise", "the positive products of features and gradients",
                                       "Gildenblat, pytorch-grad-cam, 2021"),
        by_itself("shapley-cam", "grad-cam less half the curvature: second-order Shapley values",
                  "Cai 2025, arXiv:2501.06261", "1 forward, 2 backward from the layer", "a second derivative",
                  FinalMap::relu, prepare_nodes<shapley_cam>) +
            Also{true, gradient_obstacle, shapley_cam, nullptr, plan_nodes<shapley_cam>},
        by_itself("finer-cam", "grad-cam of the difference to the nearest classes",
                  "Zhang et al., CVPR 2025, arXiv:2501.11309", one_gradient, "a gradient, several classes",
                  FinalMap::relu, prepare_finer_cam) +
            Also{.weighs_channels = true,
                 .obstacle = finer_cam_obstacle,
                 .nodes = grad_cam,
                 .adjust = adjust_finer_cam,
                 .plan = plan_finer_cam,
                 .settings = {"alpha", "nearest"}},
        by_itself("refine-cam", "the product of the maps of several layers", "docs/methods.md",
                  "1 forward, 1 backward from the first layer", "a gradient", FinalMap::relu, prepare_refine_cam) +
            Also{.weighs_channels = true,
                 .obstacle = gradient_obstacle,
                 .nodes = hires_cam,
                 .adjust = adjust_refine_cam,
                 .plan = plan_refine_cam,
                 .joins_layers_itself = true},
        by_itself("eigen-cam", "the features' first principal component",
                  "Muhammad & Yeasin, IJCNN 2020, arXiv:2008.00299", "1 forward", "nothing", FinalMap::min_max,
                  prepare_eigen_cam) +
            Also{.nodes = eigen_cam_nodes, .plan = plan_eigen_cam},
        by_itself("eigengrad-cam", "the first principal component of features times gradients",
                  "Gildenblat, pytorch-grad-cam, 2021", one_gradient, "a gradient", FinalMap::min_max,
                  prepare_eigengrad_cam) +
            Also{.obstacle = gradient_obstacle, .nodes = eigengrad_cam_nodes, .plan = plan_eigengrad_cam},
        by_itself("kpca-cam", "the features' first kernel principal component", "Karmani et al. 2024, arXiv:2410.00267",
                  "1 forward", "nothing", FinalMap::min_max, prepare_kpca_cam) +
            Also{.plan = plan_kpca_cam},
        by_itself("fem", "features weighted by the share of positions where they stand out", "Fuad et al., IPTA 2020",
                  "1 forward", "nothing", FinalMap::relu, prepare_nodes<fem>) +
            Also{.weighs_channels = true, .nodes = fem, .plan = plan_nodes<fem>},
        by_itself("smooth-grad-cam++", "grad-cam++ with the powers of the gradient averaged over noisy inputs",
                  "Omeiza et al. 2019, arXiv:1908.01224", "11 forward, 11 backward from the layer", "a gradient",
                  FinalMap::relu, prepare_smooth_grad_cam_pp) +
            Also{.weighs_channels = true, .obstacle = gradient_obstacle, .settings = {"samples", "noise"}},
        by_itself("score-cam", "features weighted by the score of their regions of the input",
                  "Wang et al., CVPR Workshops 2020, arXiv:1910.01279", "channels + 1 forward", "nothing",
                  FinalMap::relu, prepare_score_cam) +
            Also{.weighs_channels = true, .settings = {"variant"}},
        by_itself("ss-cam", "score-cam with noise on the features", "Wang et al. 2020, arXiv:2006.14255",
                  "35 channels + 1 forward", "nothing", FinalMap::relu, prepare_ss_cam) +
            Also{.weighs_channels = true, .settings = {"samples", "noise", "variant"}},
        by_itself("is-cam", "score-cam integrated over the strength of the mask", "Naidu et al. 2020, arXiv:2010.03023",
                  "10 channels + 1 forward", "nothing", FinalMap::relu, prepare_is_cam) +
            Also{.weighs_channels = true, .settings = {"steps", "variant"}},
        by_itself("ablation-cam", "features weighted by what the score loses without them",
                  "Desai & Ramaswamy, WACV 2020, doi:10.1109/WACV45572.2020.9093360",
                  "1 forward, and channels of the head where it is not linear", "nothing", FinalMap::relu,
                  prepare_ablation_cam) +
            Also{.weighs_channels = true, .nodes = ablation_cam_nodes},
        by_itself("recipro-cam", "the score of each position's features alone",
                  "Byun & Lee, CVPR Workshops 2024, arXiv:2209.14074",
                  "1 forward, and positions of the head where it is not linear", "nothing", FinalMap::min_max,
                  prepare_recipro_cam) +
            Also{.nodes = recipro_cam_nodes},
        by_itself("full-grad", "gradients of the input and of all biases",
                  "Srinivas & Fleuret, NeurIPS 2019, arXiv:1905.00780", "1 forward, 1 backward", "a gradient",
                  FinalMap::min_max, prepare_full_grad) +
            Also{.map_of_input = true},
        of_input<saliency>("saliency", "the gradient by the pixels",
                           "Simonyan et al., ICLR Workshops 2014, arXiv:1312.6034"),
        of_input<input_x_gradient>("input-x-gradient", "pixels times their gradient",
                                   "Shrikumar et al. 2016, arXiv:1605.01713"),
        by_itself("smooth-grad", "the gradient averaged over noisy inputs", "Smilkov et al. 2017, arXiv:1706.03825",
                  "51 forward, 50 backward", "a gradient", FinalMap::relu, prepare_smooth_grad) +
            Also{.map_of_input = true, .settings = {"samples", "noise"}},
        by_itself("integrated-gradients", "the gradient on the way from black to the image",
                  "Sundararajan et al., ICML 2017, arXiv:1703.01365", "33 forward, 32 backward", "a gradient",
                  FinalMap::relu, prepare_integrated_gradients) +
            Also{.map_of_input = true, .settings = {"steps"}},
        of_input<guided_backprop>("guided-backprop", "the gradient through open units and positive signals only",
                                  "Springenberg et al., ICLR Workshops 2015, arXiv:1412.6806", "a gradient, Relu"),
        of_input<deconvnet>("deconvnet", "the gradient through positive signals only",
                            "Zeiler & Fergus, ECCV 2014, arXiv:1311.2901", "a gradient, Relu"),
        by_itself("guided-grad-cam", "guided-backprop times grad-cam", "Selvaraju et al., ICCV 2017, arXiv:1610.02391",
                  "1 forward, 2 backward", "a gradient, Relu", FinalMap::relu, prepare_guided_grad_cam),
        by_itself("rise", "random masks weighted by the probability they leave",
                  "Petsiuk et al., BMVC 2018, arXiv:1806.07421", "4001 forward", "nothing", FinalMap::min_max,
                  prepare_rise) +
            Also{.adjust = adjust_to_probability, .map_of_input = true, .settings = {"samples"}},
        by_itself("occlusion", "how much the probability drops with a patch over each position",
                  "Zeiler & Fergus, ECCV 2014, arXiv:1311.2901", "197 forward", "nothing", FinalMap::relu,
                  prepare_occlusion) +
            Also{.adjust = adjust_to_probability, .map_of_input = true},
        by_itself("random", "noise: the baseline", "docs/methods.md", "1 forward", "nothing", FinalMap::relu,
                  prepare_random),
    };
    return table;
}

const Method& find_method(const std::string& name) {
    const auto& all = methods();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Method& method) { return method.name == name; });
    if (found != all.end()) return *found;
    std::vector<std::string> names;
    for (const Method& method : all) names.push_back(method.name);
    throw Error(ErrorKind::usage, fmt::format("there is no method {}{} (`locus methods` lists all)", text::quote(name),
                                              text::did_you_mean(name, names)));
}

const Method& automatic_method(const Network& network, bool may_be_cam) {
    // hires-cam is the one of the gradient methods whose map adds up to the score behind any head of linear and Relu layers without biases, flattened
    // or pooled (Draelos & Carin 2020), and it is cam where cam is defined.
    if (may_be_cam && cam_obstacle(network).empty()) return find_method("cam");
    return find_method(gradient_obstacle(network).empty() ? "hires-cam" : "occlusion");
}

}  // namespace locus::explain
