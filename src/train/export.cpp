#include "train/export.hpp"

#include "model/onnx_file.hpp"
#include "model/preprocessing_metadata.hpp"

namespace locus::train {

void export_model(model::Model model, const Preprocessing& preprocessing, const std::vector<std::string>& labels,
                  const std::filesystem::path& file) {
    model::write_metadata(model, preprocessing, labels);
    model::save(model, file);
}

}  // namespace locus::train
