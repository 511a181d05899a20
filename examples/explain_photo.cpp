/// What does the network see in a photo, and where?
///
///     example_explain_photo model.onnx cat.jpg

#include <iostream>

#include <locus/boxes.hpp>
#include <locus/error.hpp>
#include <locus/explainer.hpp>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: example_explain_photo MODEL.onnx PHOTO\n";
        return 2;
    }
    try {
        const locus::Explainer explainer(argv[1]);
        const locus::Image photo = locus::read_image(argv[2]);
        const auto explanations = explainer.explain(photo, {.classes = {locus::ClassRequest::top(3)}});
        for (const locus::Explanation& e : explanations) {
            std::cout << e.rank << ". " << e.class_name << ", ";
            if (e.probability) {
                std::cout << "probability " << *e.probability << '\n';
            } else {
                std::cout << "score " << e.logit << '\n';
            }
            for (const locus::Box& box : locus::boxes_from_raw(e.evidence(), photo.width, photo.height, e.region)) {
                std::cout << "   box at " << box.x << ',' << box.y << ", " << box.width << " x " << box.height
                          << " pixels\n";
            }
        }
    } catch (const locus::Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
