#include <algorithm>

#include <fmt/format.h>

#include "explain/input_scores.hpp"
#include "explain/method.hpp"
#include "explain/methods/ablation_cam.hpp"
#include "explain/methods/cam.hpp"
#include "explain/methods/eigen_cam.hpp"
#include "explain/methods/fem.hpp"
#include "explain/methods/full_grad.hpp"
#include "explain/methods/gradient_cam.hpp"
#include "explain/methods/occlusion.hpp"
#include "explain/methods/random_map.hpp"
#include "explain/methods/recipro_cam.hpp"
#include "explain/methods/rise.hpp"
#include "explain/methods/saliency.hpp"
#include "explain/methods/score_cam.hpp"
#include "explain/methods/smooth_grad_cam_pp.hpp"
#include "explain/node_method.hpp"
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
Method of_input(const char* name, const char* summary, const char* source, bool changes_relu = false) {
    return {.name = name,
            .summary = summary,
            .source = source,
            .cost = "1 forward, 1 backward",
            .needs = changes_relu ? "a gradient, Relu" : "a gradient",
            .prepare = prepare_input_nodes<nodes>,
            .obstacle = input_gradient_obstacle,
            .nodes = nodes,
            .map_of_input = true,
            .plan = plan_input_nodes<nodes>,
            .changes_relu = changes_relu};
}

}  // namespace

const std::vector<Method>& methods() {
    static const std::vector<Method> table{
        {.name = "cam",
         .summary = "the linear layer's weights on the last feature map",
         .source = "Zhou et al., CVPR 2016, arXiv:1512.04150",
         .cost = "1 forward",
         .needs = "a global pool and one linear layer, or a channel a class and a global pool",
         .prepare = prepare_cam,
         .obstacle = cam_obstacle,
         .nodes = cam_nodes,
         .weighs_channels = true,
         .is_verified_by_pass = true,
         .takes_any_size = true},
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
        {.name = "shapley-cam",
         .summary = "grad-cam less half the curvature: second-order Shapley values",
         .source = "Cai 2025, arXiv:2501.06261",
         .cost = "1 forward, 2 backward from the layer",
         .needs = "a second derivative",
         .prepare = prepare_nodes<shapley_cam>,
         .obstacle = gradient_obstacle,
         .nodes = shapley_cam,
         .weighs_channels = true,
         .plan = plan_nodes<shapley_cam>},
        {.name = "finer-cam",
         .summary = "grad-cam of the difference to the nearest classes",
         .source = "Zhang et al., CVPR 2025, arXiv:2501.11309",
         .cost = one_gradient,
         .needs = "a gradient, several classes",
         .prepare = prepare_finer_cam,
         .obstacle = finer_cam_obstacle,
         .nodes = grad_cam,
         .adjust = adjust_finer_cam,
         .weighs_channels = true,
         .plan = plan_finer_cam,
         .settings = {"alpha", "nearest"}},
        {.name = "refine-cam",
         .summary = "the product of the maps of several layers",
         .source = "docs/methods.md",
         .cost = "1 forward, 1 backward from the first layer",
         .needs = "a gradient",
         .prepare = prepare_refine_cam,
         .obstacle = gradient_obstacle,
         .nodes = hires_cam,
         .adjust = adjust_refine_cam,
         .weighs_channels = true,
         .plan = plan_refine_cam,
         .joins_layers_itself = true},
        {.name = "eigen-cam",
         .summary = "the features' first principal component",
         .source = "Muhammad & Yeasin, IJCNN 2020, arXiv:2008.00299",
         .cost = "1 forward",
         .needs = "nothing",
         .final_map = FinalMap::min_max,
         .prepare = prepare_eigen_cam,
         .nodes = eigen_cam_nodes,
         .plan = plan_eigen_cam},
        {.name = "eigengrad-cam",
         .summary = "the first principal component of features times gradients",
         .source = "Gildenblat, pytorch-grad-cam, 2021",
         .cost = one_gradient,
         .needs = "a gradient",
         .final_map = FinalMap::min_max,
         .prepare = prepare_eigengrad_cam,
         .obstacle = gradient_obstacle,
         .nodes = eigengrad_cam_nodes,
         .plan = plan_eigengrad_cam},
        {.name = "kpca-cam",
         .summary = "the features' first kernel principal component",
         .source = "Karmani et al. 2024, arXiv:2410.00267",
         .cost = "1 forward",
         .needs = "nothing",
         .final_map = FinalMap::min_max,
         .prepare = prepare_kpca_cam,
         .plan = plan_kpca_cam},
        {.name = "fem",
         .summary = "features weighted by the share of positions where they stand out",
         .source = "Fuad et al., IPTA 2020",
         .cost = "1 forward",
         .needs = "nothing",
         .prepare = prepare_nodes<fem>,
         .nodes = fem,
         .weighs_channels = true,
         .plan = plan_nodes<fem>},
        {.name = "smooth-grad-cam++",
         .summary = "grad-cam++ with the powers of the gradient averaged over noisy inputs",
         .source = "Omeiza et al. 2019, arXiv:1908.01224",
         .cost = "11 forward, 11 backward from the layer",
         .needs = "a gradient",
         .prepare = prepare_smooth_grad_cam_pp,
         .obstacle = gradient_obstacle,
         .weighs_channels = true,
         .settings = {"samples", "noise"}},
        {.name = "score-cam",
         .summary = "features weighted by the score of their regions of the input",
         .source = "Wang et al., CVPR Workshops 2020, arXiv:1910.01279",
         .cost = "channels + 1 forward",
         .needs = "nothing",
         .prepare = prepare_score_cam,
         .weighs_channels = true,
         .settings = {"variant"}},
        {.name = "ss-cam",
         .summary = "score-cam with noise on the features",
         .source = "Wang et al. 2020, arXiv:2006.14255",
         .cost = "35 channels + 1 forward",
         .needs = "nothing",
         .prepare = prepare_ss_cam,
         .weighs_channels = true,
         .settings = {"samples", "noise", "variant"}},
        {.name = "is-cam",
         .summary = "score-cam integrated over the strength of the mask",
         .source = "Naidu et al. 2020, arXiv:2010.03023",
         .cost = "10 channels + 1 forward",
         .needs = "nothing",
         .prepare = prepare_is_cam,
         .weighs_channels = true,
         .settings = {"steps", "variant"}},
        {.name = "ablation-cam",
         .summary = "features weighted by what the score loses without them",
         .source = "Desai & Ramaswamy, WACV 2020, doi:10.1109/WACV45572.2020.9093360",
         .cost = "1 forward, and channels of the head where it is not linear",
         .needs = "nothing",
         .prepare = prepare_ablation_cam,
         .nodes = ablation_cam_nodes,
         .weighs_channels = true,
         .divides_by_score = true},
        {.name = "recipro-cam",
         .summary = "the score of each position's features alone",
         .source = "Byun & Lee, CVPR Workshops 2024, arXiv:2209.14074",
         .cost = "1 forward, and positions of the head where it is not linear",
         .needs = "nothing",
         .final_map = FinalMap::min_max,
         .prepare = prepare_recipro_cam,
         .nodes = recipro_cam_nodes},
        {.name = "full-grad",
         .summary = "gradients of the input and of all biases",
         .source = "Srinivas & Fleuret, NeurIPS 2019, arXiv:1905.00780",
         .cost = "1 forward, 1 backward",
         .needs = "a gradient",
         .final_map = FinalMap::min_max,
         .prepare = prepare_full_grad,
         .obstacle = input_gradient_obstacle,
         .map_of_input = true},
        of_input<saliency>("saliency", "the gradient by the pixels",
                           "Simonyan et al., ICLR Workshops 2014, arXiv:1312.6034"),
        of_input<input_x_gradient>("input-x-gradient", "pixels times their gradient",
                                   "Shrikumar et al. 2016, arXiv:1605.01713"),
        {.name = "smooth-grad",
         .summary = "the gradient averaged over noisy inputs",
         .source = "Smilkov et al. 2017, arXiv:1706.03825",
         .cost = "51 forward, 50 backward",
         .needs = "a gradient",
         .prepare = prepare_smooth_grad,
         .obstacle = input_gradient_obstacle,
         .map_of_input = true,
         .settings = {"samples", "noise"}},
        {.name = "integrated-gradients",
         .summary = "the gradient on the way from black to the image",
         .source = "Sundararajan et al., ICML 2017, arXiv:1703.01365",
         .cost = "33 forward, 32 backward",
         .needs = "a gradient",
         .prepare = prepare_integrated_gradients,
         .obstacle = input_gradient_obstacle,
         .map_of_input = true,
         .settings = {"steps"}},
        of_input<guided_backprop>("guided-backprop", "the gradient through open units and positive signals only",
                                  "Springenberg et al., ICLR Workshops 2015, arXiv:1412.6806", true),
        of_input<deconvnet>("deconvnet", "the gradient through positive signals only",
                            "Zeiler & Fergus, ECCV 2014, arXiv:1311.2901", true),
        {.name = "guided-grad-cam",
         .summary = "guided-backprop times grad-cam",
         .source = "Selvaraju et al., ICCV 2017, arXiv:1610.02391",
         .cost = "1 forward, 2 backward",
         .needs = "a gradient, Relu",
         .prepare = prepare_guided_grad_cam,
         .obstacle = guided_grad_cam_obstacle,
         .changes_relu = true},
        {.name = "rise",
         .summary = "random masks weighted by the probability they leave",
         .source = "Petsiuk et al., BMVC 2018, arXiv:1806.07421",
         .cost = "4001 forward",
         .needs = "nothing",
         .final_map = FinalMap::min_max,
         .prepare = prepare_rise,
         .map_of_input = true,
         .adjust = adjust_to_probability,
         .settings = {"samples"}},
        {.name = "occlusion",
         .summary = "how much the probability drops with a patch over each position",
         .source = "Zeiler & Fergus, ECCV 2014, arXiv:1311.2901",
         .cost = "197 forward",
         .needs = "nothing",
         .prepare = prepare_occlusion,
         .map_of_input = true,
         .adjust = adjust_to_probability},
        {.name = "random",
         .summary = "noise: the baseline",
         .source = "docs/methods.md",
         .cost = "1 forward",
         .needs = "nothing",
         .prepare = prepare_random},
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

const std::vector<const Method*>& automatic_order() {
    // hires-cam is the one of the gradient methods whose map adds up to the score behind any head of linear and Relu
    // layers without biases, flattened or pooled (Draelos & Carin 2020), and it is cam where cam is defined.
    static const std::vector<const Method*> order{&find_method("cam"), &find_method("hires-cam"),
                                                  &find_method("occlusion")};
    return order;
}

const Method& automatic_method(const Network& network) {
    const auto& order = automatic_order();
    return **std::find_if(order.begin(), order.end() - 1, [&](const Method* method) {
        return method->obstacle == nullptr || method->obstacle(network).empty();
    });
}

}  // namespace locus::explain
