#include "train/exported_check.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include <fmt/format.h>

#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "train/training_log.hpp"

namespace locus::train {

ValidationResult check_exported(const std::filesystem::path& file, const std::vector<std::string>& outputs,
                                PhotoStore& photos, EngineThreads& threads, ValidationOptions options,
                                const std::function<Tensor(const Tensor&)>& own, const std::filesystem::path& folder,
                                const std::vector<std::string>& classes,
                                const std::function<void(const std::string&)>& say) {
    model::Model written = model::load(file);
    for (const std::string& name : outputs) {
        if (written.graph.find_output(name)) continue;
        model::ValueInfo info;
        info.name = name;
        written.graph.outputs.push_back(info);
    }
    const runtime::Session session(written, {.threads = 1});
    const std::string input = written.graph.inputs.at(0).name;
    options.all_thresholds = true;
    std::mutex mutex;
    double farthest = 0, largest = 0;
    const Answer answer = [&](const Tensor& x) {
        std::vector<Tensor> answers = session.run({{input, x}}, outputs);
        if (!own) return answers;
        const Tensor expected = own(x);
        double far = 0, large = 0;
        for (std::size_t i = 0; i < expected.values<float>().size(); ++i) {
            const double a = expected.values<float>()[i], b = answers[0].values<float>()[i];
            far = std::max(far, std::abs(a - b));
            large = std::max(large, std::abs(a));
        }
        const std::scoped_lock lock(mutex);
        farthest = std::max(farthest, far);
        largest = std::max(largest, large);
        return answers;
    };
    const ValidationResult result = validate(answer, photos, threads, options);
    write_validation(result, classes, folder);
    if (say) {
        say(describe(result));
        if (own) {
            say(fmt::format("Its scores there differ from the trainer's by at most {:.2g} of the largest.",
                            farthest / std::max(largest, 1e-30)));
        }
    }
    return result;
}

}  // namespace locus::train
