#include <algorithm>

#include <fmt/format.h>

#include "explain/ablation_cam.hpp"
#include "explain/cam.hpp"
#include "explain/eigen_cam.hpp"
#include "explain/fem.hpp"
#include "explain/full_grad.hpp"
#include "explain/gradient_cam.hpp"
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

const std::vector<Method>& methods() {
    static const std::vector<Method> table{
        {"cam", "the linear layer's weights on the last feature map", "Zhou et al. 2016, arXiv:1512.04150", "1 forward",
         "a global pool and one linear layer, or a channel a class and a global pool", FinalMap::relu, prepare_cam,
         cam_obstacle, cam_nodes},
        {"grad-cam", "features weighted by their gradients' means", "Selvaraju et al. 2017, arXiv:1610.02391",
         "1 forward, 1 backward from the layer", "a gradient", FinalMap::relu, prepare_nodes<grad_cam>,
         gradient_obstacle, grad_cam},
        {"grad-cam++", "features weighted by their positive gradients, each position by its share",
         "Chattopadhay et al. 2018, arXiv:1710.11063", "1 forward, 1 backward from the layer", "a gradient",
         FinalMap::relu, prepare_nodes<grad_cam_pp>, gradient_obstacle, grad_cam_pp},
        {"xgrad-cam", "features weighted by their gradients, each position by its share of the channel",
         "Fu et al. 2020, arXiv:2008.02312", "1 forward, 1 backward from the layer", "a gradient", FinalMap::relu,
         prepare_nodes<xgrad_cam>, gradient_obstacle, xgrad_cam},
        {"layer-cam", "features times their positive gradients, position by position",
         "Jiang et al. 2021, doi:10.1109/TIP.2021.3089943", "1 forward, 1 backward from the layer", "a gradient",
         FinalMap::relu, prepare_nodes<layer_cam>, gradient_obstacle, layer_cam},
        {"hires-cam", "features times their gradients, position by position", "Draelos & Carin 2020, arXiv:2011.08891",
         "1 forward, 1 backward from the layer", "a gradient", FinalMap::relu, prepare_nodes<hires_cam>,
         gradient_obstacle, hires_cam},
        {"grad-cam-elementwise", "the positive products of features and gradients",
         "Gildenblat, pytorch-grad-cam, 2021", "1 forward, 1 backward from the layer", "a gradient", FinalMap::relu,
         prepare_nodes<grad_cam_elementwise>, gradient_obstacle, grad_cam_elementwise},
        {"shapley-cam", "grad-cam less half the curvature: second-order Shapley values", "Cai 2025, arXiv:2501.06261",
         "1 forward, 2 backward from the layer", "a second derivative", FinalMap::relu, prepare_nodes<shapley_cam>,
         gradient_obstacle, shapley_cam},
        {"finer-cam", "grad-cam of the difference to the nearest classes", "Zhang et al. 2025, arXiv:2501.11309",
         "1 forward, 1 backward from the layer", "a gradient, several classes", FinalMap::relu, prepare_finer_cam,
         gradient_obstacle, grad_cam, false, adjust_finer_cam},
        {"refine-cam", "the product of the maps of several layers", "docs/methods.md",
         "1 forward, 1 backward from the first layer", "a gradient", FinalMap::relu, prepare_refine_cam,
         gradient_obstacle, hires_cam, false, adjust_refine_cam},
        {"eigen-cam", "the features' first principal component", "Muhammad & Yeasin 2020, arXiv:2008.00299",
         "1 forward", "nothing", FinalMap::min_max, prepare_eigen_cam, nullptr, eigen_cam_nodes},
        {"eigengrad-cam", "the first principal component of features times gradients",
         "Gildenblat, pytorch-grad-cam, 2021", "1 forward, 1 backward from the layer", "a gradient", FinalMap::min_max,
         prepare_eigengrad_cam, gradient_obstacle, eigengrad_cam_nodes},
        {"kpca-cam", "the features' first kernel principal component", "Karmani et al. 2024, arXiv:2410.00267",
         "1 forward", "nothing", FinalMap::min_max, prepare_kpca_cam, nullptr, nullptr},
        {"fem", "features weighted by the share of positions where they stand out",
         "Fuad et al. 2020, doi:10.1109/IPTA50016.2020.9286629", "1 forward", "nothing", FinalMap::relu,
         prepare_nodes<fem>, nullptr, fem},
        {"smooth-grad-cam++", "grad-cam++ with the powers of the gradient averaged over noisy inputs",
         "Omeiza et al. 2019, arXiv:1908.01224", "11 forward, 11 backward from the layer", "a gradient", FinalMap::relu,
         prepare_smooth_grad_cam_pp, gradient_obstacle, nullptr},
        {"score-cam", "features weighted by the score of their regions of the input",
         "Wang et al. 2020, arXiv:1910.01279", "channels + 1 forward", "nothing", FinalMap::relu, prepare_score_cam,
         nullptr, nullptr},
        {"ss-cam", "score-cam with noise on the features", "Wang et al. 2020, arXiv:2006.14255",
         "35 channels + 1 forward", "nothing", FinalMap::relu, prepare_ss_cam, nullptr, nullptr},
        {"is-cam", "score-cam integrated over the strength of the mask", "Naidu et al. 2020, arXiv:2010.03023",
         "10 channels + 1 forward", "nothing", FinalMap::relu, prepare_is_cam, nullptr, nullptr},
        {"ablation-cam", "features weighted by what the score loses without them",
         "Desai & Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360",
         "1 forward, and channels of the head where it is not linear", "nothing", FinalMap::relu, prepare_ablation_cam,
         nullptr, ablation_cam_nodes},
        {"recipro-cam", "the score of each position's features alone", "Byun & Lee 2022, arXiv:2209.14074",
         "1 forward, and positions of the head where it is not linear", "nothing", FinalMap::min_max,
         prepare_recipro_cam, nullptr, recipro_cam_nodes},
        {"full-grad", "gradients of the input and of all biases", "Srinivas & Fleuret 2019, arXiv:1905.00780",
         "1 forward, 1 backward", "a gradient", FinalMap::min_max, prepare_full_grad, nullptr, nullptr},
        {"saliency", "the gradient by the pixels", "Simonyan et al. 2014, arXiv:1312.6034", "1 forward, 1 backward",
         "a gradient", FinalMap::relu, prepare_input_nodes<saliency>, nullptr, saliency, true},
        {"input-x-gradient", "pixels times their gradient", "Shrikumar et al. 2016, arXiv:1605.01713",
         "1 forward, 1 backward", "a gradient", FinalMap::relu, prepare_input_nodes<input_x_gradient>, nullptr,
         input_x_gradient, true},
        {"smooth-grad", "the gradient averaged over noisy inputs", "Smilkov et al. 2017, arXiv:1706.03825",
         "51 forward, 50 backward", "a gradient", FinalMap::relu, prepare_smooth_grad, nullptr, nullptr},
        {"integrated-gradients", "the gradient on the way from black to the image",
         "Sundararajan et al. 2017, arXiv:1703.01365", "33 forward, 32 backward", "a gradient", FinalMap::relu,
         prepare_integrated_gradients, nullptr, nullptr},
        {"guided-backprop", "the gradient through open units and positive signals only",
         "Springenberg et al. 2014, arXiv:1412.6806", "1 forward, 1 backward", "a gradient, Relu", FinalMap::relu,
         prepare_input_nodes<guided_backprop>, nullptr, guided_backprop, true},
        {"deconvnet", "the gradient through positive signals only", "Zeiler & Fergus 2014, arXiv:1311.2901",
         "1 forward, 1 backward", "a gradient, Relu", FinalMap::relu, prepare_input_nodes<deconvnet>, nullptr,
         deconvnet, true},
        {"guided-grad-cam", "guided-backprop times grad-cam", "Selvaraju et al. 2017, arXiv:1610.02391",
         "1 forward, 2 backward", "a gradient, Relu", FinalMap::relu, prepare_guided_grad_cam, nullptr, nullptr},
        {"rise", "random masks weighted by the probability they leave", "Petsiuk et al. 2018, arXiv:1806.07421",
         "4001 forward", "nothing", FinalMap::min_max, prepare_rise, nullptr, nullptr},
        {"occlusion", "how much the probability drops with a patch over each position",
         "Zeiler & Fergus 2014, arXiv:1311.2901", "197 forward", "nothing", FinalMap::relu, prepare_occlusion, nullptr},
        {"random", "noise: the baseline", "docs/methods.md", "1 forward", "nothing", FinalMap::relu, prepare_random,
         nullptr, nullptr},
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

const Method& automatic_method(const Network& network) {
    // hires-cam is the one of the gradient methods whose map adds up to the score behind any head of linear and Relu layers without biases, flattened
    // or pooled (Draelos & Carin 2020), and it is cam where cam is defined.
    if (cam_obstacle(network).empty()) return find_method("cam");
    return find_method(gradient_obstacle(network).empty() ? "hires-cam" : "occlusion");
}

}  // namespace locus::explain
