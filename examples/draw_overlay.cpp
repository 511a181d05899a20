/// The heat of the best class on the photo, as a picture file.
///
///     example_draw_overlay model.onnx cat.jpg out.png

#include <iostream>

#include <locus/boxes.hpp>
#include <locus/error.hpp>
#include <locus/explainer.hpp>
#include <locus/overlay.hpp>

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: example_draw_overlay MODEL.onnx PHOTO OUT.png\n";
        return 2;
    }
    try {
        const locus::Explainer explainer(argv[1]);
        const locus::Image photo = locus::read_image(argv[2]);
        const locus::Explanation best = explainer.explain(photo).front();
        const locus::Map heat = locus::upsample(best.evidence(), photo.width, photo.height, best.region);
        const locus::Image picture =
            locus::overlay(photo, heat, locus::boxes(heat), {.colormap = "turbo", .label = best.class_name});
        locus::write_image(argv[3], picture);
    } catch (const locus::Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
