/// Compiled with warnings as errors and the headers not as a system's: in a stranger's program they give none. Each
/// struct that is made with designated initialisers is made with one of them.

#include <locus/boxes.hpp>
#include <locus/error.hpp>
#include <locus/explainer.hpp>
#include <locus/image.hpp>
#include <locus/map.hpp>
#include <locus/overlay.hpp>
#include <locus/preprocessing.hpp>
#include <locus/tensor.hpp>
#include <locus/version.hpp>

int main() {
    const locus::Map map{.width = 1};
    const locus::Image image{.height = 1};
    const locus::Box box{.width = 1};
    const locus::Region region{.width = 1};
    const locus::BoxOptions boxes{.threshold = 0.5};
    const locus::OverlayOptions overlay{.alpha = 0.25};
    const locus::Preprocessing preprocessing{.width = 32};
    const locus::ExplainerOptions explainer{.method = "grad-cam", .threads = 1};
    const locus::ExplainOptions classes{.classes = {locus::ClassRequest{.index = 5}}};
    const locus::Explanation explanation{.rank = 1};
    const locus::Part part{.channel = 1};
    const locus::ModelInfo model{.classes = 10};
    const locus::Tensor numbers = locus::Tensor::of<float>({2}, {1, 2});
    return static_cast<int>(map.index(0, 0) + image.index(0, 0) + numbers.values<float>().size()) + box.x +
           static_cast<int>(region.x + boxes.threshold + overlay.alpha) + preprocessing.height + explainer.threads +
           static_cast<int>(classes.classes.size()) + explanation.rank + part.channel + static_cast<int>(model.classes);
}
