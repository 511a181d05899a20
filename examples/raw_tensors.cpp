/// Preprocessed numbers in, raw maps out: no files, no pictures. The maps can be compared with any other tool's.
///
///     example_raw_tensors model.onnx

#include <cmath>
#include <iostream>
#include <numeric>

#include <locus/error.hpp>
#include <locus/explainer.hpp>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: example_raw_tensors MODEL.onnx\n";
        return 2;
    }
    try {
        const locus::Explainer explainer(argv[1], {.method = "cam"});
        const locus::Preprocessing& p = explainer.preprocessing();
        locus::Tensor inputs(locus::DataType::float32, {2, 3, p.height, p.width});
        float phase = 0;
        for (float& value : inputs.mutable_values<float>()) value = std::sin(phase += 0.01F);

        for (const auto& item : explainer.explain(inputs)) {
            const locus::Explanation& e = item.front();
            const double sum = std::accumulate(e.map.values.begin(), e.map.values.end(), 0.0);
            std::cout << "class " << e.class_index << ": mean of the map "
                      << sum / static_cast<double>(e.map.values.size()) << " + bias " << e.bias.value_or(0)
                      << " = logit " << e.logit << '\n';
        }
    } catch (const locus::Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
