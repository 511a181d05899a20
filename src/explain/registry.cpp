#include <algorithm>

#include <fmt/format.h>

#include "explain/cam.hpp"
#include "explain/method.hpp"
#include "explain/occlusion.hpp"
#include "locus/error.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::explain {

const std::vector<Method>& methods() {
    static const std::vector<Method> table{
        {"cam", "the linear layer's weights on the last feature map", "Zhou et al. 2016, arXiv:1512.04150", "1 forward",
         "a global pool and one linear layer, or a channel a class and a global pool", FinalMap::relu, prepare_cam, cam_obstacle},
        {"occlusion", "how much the probability drops with a patch over each position", "Zeiler & Fergus 2014, arXiv:1311.2901",
         "197 forward", "nothing", FinalMap::relu, prepare_occlusion, nullptr},
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
    return find_method(cam_obstacle(network).empty() ? "cam" : "occlusion");
}

}  // namespace locus::explain
