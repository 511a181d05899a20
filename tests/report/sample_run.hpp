#pragma once

/// A small made-up run: numbers chosen by hand, none computed.

#include <string>

#include "report/results.hpp"

namespace locus::report {

inline RunRecord sample_run() {
    RunRecord run;
    run.model.file = "models/cats.onnx";
    run.model.sha256 = std::string(64, 'a');
    run.model.pool = "mean";
    run.model.input = "input";
    run.model.output = "logits";
    run.model.classes = 3;
    run.model.activation = "softmax";
    run.preprocessing_sources = {{"mean", "the model's metadata"}};
    run.method = "cam";
    run.layer = "features";
    return run;
}

/// A 2 x 2 map whose mean is 2 and, with a bias of 0.5, whose logit is 2.5.
inline ImageRecord sample_image(const std::string& file = "photos/cat.jpg") {
    ExplanationRecord record;
    record.explanation.class_index = 2;
    record.explanation.class_name = "tabby";
    record.explanation.rank = 1;
    record.explanation.logit = 2.5;
    record.explanation.bias = 0.5;
    record.explanation.probability = 0.75;
    record.explanation.map = {2, 2, {-1.0F, 2.0F, 3.0F, 4.0F}};
    record.method = "cam";
    record.layer = "features";
    record.map_file = "maps/0-cat.npy";
    record.overlay_file = "overlays/0-cat.jpg";
    record.boxes = {{.x = 10, .y = 20, .width = 30, .height = 40, .score = 0.625}};
    record.map_min = -1;
    record.map_max = 4;
    ImageRecord image;
    image.file = file;
    image.width = 640;
    image.height = 480;
    image.region = {0, 0, 640, 480};
    image.explanations.push_back(record);
    return image;
}

}  // namespace locus::report
