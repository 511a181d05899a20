#include "batch/worker.hpp"

#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "batch/item_files.hpp"
#include "explain/batches.hpp"
#include "image/decode.hpp"
#include "image/preview.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "report/out_folder.hpp"

namespace locus::batch {
namespace {

constexpr int preview_quality = 80;  // of JPEG, of 100

}  // namespace

Worker::Worker(const RunOptions& options, const std::vector<InputItem>& inputs, const Explainer& explainer,
               const std::vector<ClassRequest>& classes, const RunObserver& observer, const std::atomic<bool>& stop)
    : options_(options),
      inputs_(inputs),
      explainer_(explainer),
      classes_(classes),
      observer_(observer),
      stop_(stop),
      previews_(report::preview_plan(inputs.size())) {}

std::vector<Outcome> Worker::explain(const std::vector<std::size_t>& indices) const {
    try {
        return done(indices);
    } catch (const Stopped&) {
        return {};
    }
}

std::vector<Outcome> Worker::done(const std::vector<std::size_t>& indices) const {
    std::vector<std::size_t> readable;
    std::vector<Source> sources;
    std::vector<Outcome> outcomes;
    InputBatch batch(explainer_.preprocessing(), indices.size(), options_.sample_bits);
    for (const std::size_t index : indices) {
        try {
            if (!inputs_[index].error.empty()) throw Error(ErrorKind::io, inputs_[index].error);
            Source source = batch.read(inputs_[index], needs_pictures(), &stop_);
            if (const int side = preview_side(index); side > 0)  // now, while the picture is in the cache
                source.preview = encode_jpeg(image::preview(source.picture, side), preview_quality);
            sources.push_back(std::move(source));
            readable.push_back(index);
        } catch (const Error& error) {
            outcomes.push_back(failed(index, error.what()));
        } catch (const std::bad_alloc&) {
            outcomes.push_back(failed(index, "memory does not suffice to decode it"));
        }
    }
    if (readable.empty()) return outcomes;
    std::vector<Answer> answers;
    for (const Tensor& inputs : batch.take()) {
        for (Answer& answer : ask(inputs)) answers.push_back(std::move(answer));
    }
    for (std::size_t i = 0; i < readable.size(); ++i) {
        outcomes.push_back(answers[i].failure.empty()
                               ? finished(readable[i], std::move(sources[i]), std::move(answers[i].explanations))
                               : failed(readable[i], answers[i].failure));
    }
    return outcomes;
}

std::vector<Worker::Answer> Worker::ask(const Tensor& inputs) const {
    std::vector<Answer> answers;
    Answer refused;
    try {
        for (std::vector<Explanation>& explanations : explainer_.explain(inputs, {classes_}))
            answers.push_back({.explanations = std::move(explanations), .failure = {}});
        return answers;
    } catch (const Error& error) {
        refused.failure = error.what();
    } catch (const std::bad_alloc&) {
        refused.failure = "memory does not suffice to explain it";
    }
    const std::int64_t items = inputs.shape()[0];
    if (items == 1) return {refused};
    answers.clear();
    for (std::int64_t item = 0; item < items; ++item)  // one may spoil it for all: each alone tells
        answers.push_back(ask(explain::rows(inputs, item, 1)).front());
    return answers;
}

int Worker::preview_side(std::size_t index) const {
    return options_.save.report && index < previews_.images ? previews_.side : 0;
}

/// The same for all of a run, so that scores do not depend on a photo's place in it.
bool Worker::needs_pictures() const {
    return options_.save.overlay || options_.explainer.parts > 0 || options_.save.report;
}

Outcome Worker::finished(std::size_t index, Source source, std::vector<Explanation> explanations) const {
    try {
        // All else would be written into a new folder of that name.
        if (std::error_code unknown; !std::filesystem::exists(options_.out, unknown))
            throw report::run_is_gone(options_.out);
        const std::vector<std::byte> preview = std::move(source.preview);
        const bool has_16_bits = source.has_16_bits;
        const report::ImageRecord record =
            write_item_files(options_, inputs_[index], std::move(source), std::move(explanations), explainer_);
        return {.index = index,
                .line = report::journal_line(index, record, preview, preview_side(index) > 0),
                .description = observer_.describe ? observer_.describe(record) : "",
                .warning = record.warning,
                .failure = std::nullopt,
                .has_16_bits = has_16_bits};
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io) throw;
        return failed(index, error.what());
    } catch (const std::bad_alloc&) {
        return failed(index, "memory does not suffice for its pictures");
    }
}

Outcome Worker::failed(std::size_t index, const std::string& why) const {
    const report::Failure failure{inputs_[index].name, why};
    return {.index = index,
            .line = report::journal_line(index, failure),
            .description = {},
            .warning = {},
            .failure = failure};
}

}  // namespace locus::batch
