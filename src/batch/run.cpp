#include "batch/run.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <map>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "batch/item_files.hpp"
#include "batch/item_source.hpp"
#include "cluster/message.hpp"
#include "image/decode.hpp"
#include "image/encode.hpp"
#include "image/preview.hpp"
#include "locus/error.hpp"
#include "report/npy.hpp"
#include "report/out_folder.hpp"
#include "report/run_journal.hpp"
#include "report/sha256.hpp"
#include "text/quote.hpp"

namespace locus::batch {
namespace {

/// Results kept back, at most, until the image before them is done: a few MB of text, and minutes of work for a slow one.
constexpr std::size_t most_behind_one = 4096;

constexpr int preview_quality = 80;  // of JPEG, of 100

std::vector<ClassRequest> requests(const RunOptions& options, const Explainer& explainer) {
    std::vector<ClassRequest> result;
    for (const std::string& text : options.classes) result.push_back(ClassRequest::parse(text, explainer.labels()));
    return result;
}

report::RunRecord run_record(const RunOptions& options, const Explainer& explainer, const std::string& sha256) {
    const ModelInfo& model = explainer.model();
    report::RunRecord record;
    record.model = {.file = options.model_name.empty() ? options.model.string() : options.model_name,
                    .sha256 = sha256,
                    .pool = model.pool,
                    .input = model.input,
                    .output = model.output,
                    .classes = static_cast<int>(model.classes),
                    .activation = model.activation};
    record.preprocessing = explainer.preprocessing();
    record.preprocessing_sources = model.origins;
    record.method = explainer.method();
    record.layer = explainer.target_layer();
    record.threshold = options.boxes.threshold;
    record.components = options.boxes.components == Components::all ? "all" : "largest";
    record.seed = options.explainer.seed;
    record.warnings = explainer.warnings();
    return record;
}

std::string digest_of_feeds(const ExplainerOptions& options) {
    std::string all;
    for (const auto& [name, value] : options.feeds) all += name + '\n' + report::npy_bytes(value);
    return all.empty() ? "none" : report::sha256(all);
}

std::string digest_of_target(const ExplainerOptions& options) {
    std::string all;
    if (options.target_mask) all += report::npy_bytes(*options.target_mask);
    if (options.target_embedding) all += report::npy_bytes(*options.target_embedding);
    if (options.target_image) all.append(options.target_image->rgb.begin(), options.target_image->rgb.end());
    return all.empty() ? "none" : report::sha256(all);
}

std::string yes(bool value) { return value ? "yes" : "no"; }

/// Everything that the results depend on, by the names that users know.
report::RunPlan plan(const RunOptions& options, const std::vector<InputItem>& inputs, const report::RunRecord& record,
                     const Explainer& explainer) {
    std::string names;
    for (const InputItem& item : inputs) names += item.name + '\n';
    const Preprocessing& p = explainer.preprocessing();
    std::string classes;
    for (const std::string& text : options.classes) classes += (classes.empty() ? "" : " ") + text;
    std::string methods, settings;
    for (const std::string& method : explainer.methods()) methods += (methods.empty() ? "" : ",") + method;
    for (const auto& [key, value] : options.explainer.settings)
        settings += fmt::format("{}{}={}", settings.empty() ? "" : " ", key, value);
    const Saves& save = options.save;
    report::RunPlan result;
    result.inputs = inputs.size();
    result.boxes = save.boxes;
    result.report = save.report;
    result.settings = {
        {"model", record.model.file},
        {"the model's SHA-256", record.model.sha256},
        {"the list of inputs (SHA-256)", report::sha256(names)},
        {"--method", methods},
        {"--layer", record.layer},
        {"the method's settings", settings},
        {"--class", classes},
        {"--threshold", fmt::format("{}", record.threshold)},
        {"--components", record.components},
        {"--save", fmt::format("overlay {}, heatmap {}, mask {}, map {}, boxes {}, report {}", yes(save.overlay),
                               yes(save.heatmap), yes(save.mask), yes(save.map), yes(save.boxes), yes(save.report))},
        {"--colormap", options.overlay.colormap},
        {"--alpha", fmt::format("{}", options.overlay.alpha)},
        {"--signed", yes(options.overlay.is_signed)},
        {"--decompose", fmt::format("{}", options.explainer.parts)},
        {"--mean", fmt::format("{} {} {}", p.mean[0], p.mean[1], p.mean[2])},
        {"--std", fmt::format("{} {} {}", p.std[0], p.std[1], p.std[2])},
        {"--size", fmt::format("{}x{}", p.width, p.height)},
        {"--resize", p.resize == Resize::squash ? "squash" : fmt::format("{} {}", name(p.resize), p.crop_pct)},
        {"--color", fmt::format("{}", static_cast<int>(p.color))},
        {"--range", fmt::format("{}", p.range)},
        {"--input", record.model.input},
        {"--output", record.model.output},
        {"--labels (SHA-256)", report::sha256(fmt::format("{}", fmt::join(explainer.labels(), "\n")))},
        {"--feed (SHA-256)", digest_of_feeds(options.explainer)},
        {"the target's mask, embedding or photo (SHA-256)", digest_of_target(options.explainer)},
        {"--seed", fmt::format("{}", record.seed)},
    };
    return result;
}

/// What came of one input, as it goes from the worker that did it to the journal, from another rank perhaps.
struct Outcome {
    std::size_t index = 0;
    std::string line;         ///< of the journal
    std::string description;  ///< what the observer is told; empty for failures
    std::optional<report::Failure> failure;
};

std::string packed(const std::vector<Outcome>& outcomes) {
    std::vector<std::string> parts;
    for (const Outcome& o : outcomes) {
        parts.push_back(cluster::pack({std::to_string(o.index), o.line, o.description}));
        if (o.failure)
            parts.back() = cluster::pack({std::to_string(o.index), o.line, "", o.failure->file, o.failure->error});
    }
    return cluster::pack(parts);
}

std::vector<Outcome> unpacked(const std::string& text) {
    std::vector<Outcome> outcomes;
    for (const std::string& part : cluster::unpack(text)) {
        std::vector<std::string> fields = cluster::unpack(part);
        Outcome& o = outcomes.emplace_back(Outcome{std::stoul(fields.at(0)), fields.at(1), fields.at(2), {}});
        if (fields.size() == 5) o.failure = report::Failure{fields[3], fields[4]};
    }
    return outcomes;
}

/// Hands the observer its images in the order of the inputs, whatever order they are finished in.
class InOrder {
public:
    InOrder(const RunObserver& observer, const report::RunJournal& journal) : observer_(observer), journal_(journal) {
        skip_earlier();
    }

    void put(Outcome outcome) {
        waiting_.emplace(outcome.index, std::move(outcome));
        while (!waiting_.empty() && waiting_.begin()->first == next_) {
            tell_first();
            ++next_;
            skip_earlier();
        }
        if (observer_.progress) observer_.progress(++told_ + journal_before_, journal_.inputs());
    }

    /// What waits behind an input that the run was stopped at: it is in the journal, so that no later run tells it.
    void put_rest() {
        while (!waiting_.empty()) tell_first();
    }

private:
    void tell_first() {
        const Outcome& first = waiting_.begin()->second;
        if (first.failure && observer_.failure) observer_.failure(*first.failure);
        if (!first.failure && observer_.image) observer_.image(first.description);
        waiting_.erase(waiting_.begin());
    }

    /// What an earlier run did is not told again.
    void skip_earlier() {
        while (next_ < journal_.inputs() && earlier_[next_]) ++next_;
    }

    const RunObserver& observer_;
    const report::RunJournal& journal_;
    std::map<std::size_t, Outcome> waiting_;
    std::vector<bool> earlier_ = [this] {
        std::vector<bool> done(journal_.inputs());
        for (std::size_t i = 0; i < done.size(); ++i) done[i] = journal_.contains(i);
        return done;
    }();
    std::size_t next_ = 0, told_ = 0, journal_before_ = journal_.done();
};

/// Carries inputs through decoding, the network and drawing, a batch at a time. May be called from several threads at once.
class Worker {
public:
    Worker(const RunOptions& options, const std::vector<InputItem>& inputs, const Explainer& explainer,
           const std::vector<ClassRequest>& classes, const RunObserver& observer, const std::atomic<bool>& stop)
        : options_(options),
          inputs_(inputs),
          explainer_(explainer),
          classes_(classes),
          observer_(observer),
          stop_(stop),
          previews_(report::preview_plan(inputs.size())) {}

    /// What came of each; nothing where the run was stopped at a pipe that one of them is.
    std::vector<Outcome> explain(const std::vector<std::size_t>& indices) const {
        std::vector<std::size_t> readable;
        std::vector<Source> sources;
        std::vector<Outcome> outcomes;
        InputBatch batch(explainer_.preprocessing(), indices.size());
        for (const std::size_t index : indices) {
            try {
                if (!inputs_[index].error.empty()) throw Error(ErrorKind::io, inputs_[index].error);
                Source source = batch.read(inputs_[index], needs_pictures(), &stop_);
                if (const int side = preview_side(index); side > 0)  // now, while the picture is in the cache
                    source.preview = image::encode_jpeg(image::preview(source.picture, side), preview_quality);
                sources.push_back(std::move(source));
                readable.push_back(index);
            } catch (const image::Stopped&) {
                return {};
            } catch (const Error& error) {
                outcomes.push_back(failed(index, error.what()));
            } catch (const std::bad_alloc&) {
                outcomes.push_back(failed(index, "memory does not suffice to decode it"));
            }
        }
        if (readable.empty()) return outcomes;
        std::vector<std::vector<Explanation>> explanations;
        std::string failure;
        try {
            explanations = explainer_.explain(batch.take(), {classes_});
        } catch (const Error& error) {
            failure = error.what();
        } catch (const std::bad_alloc&) {
            failure = "memory does not suffice to explain it";
        }
        if (explanations.empty() && readable.size() == 1) {
            outcomes.push_back(failed(readable.front(), failure));
            return outcomes;
        }
        if (explanations.empty()) {
            // One input of another shape spoils the batch: each alone tells which.
            for (const std::size_t index : readable) {
                for (Outcome& outcome : explain({index})) outcomes.push_back(std::move(outcome));
            }
            return outcomes;
        }
        for (std::size_t i = 0; i < readable.size(); ++i)
            outcomes.push_back(finished(readable[i], std::move(sources[i]), std::move(explanations[i])));
        return outcomes;
    }

private:
    int preview_side(std::size_t index) const {
        return options_.save.report && index < previews_.images ? previews_.side : 0;
    }

    /// The same for all of a run, so that scores do not depend on a photo's place in it.
    bool needs_pictures() const {
        return options_.save.overlay || options_.explainer.parts > 0 || options_.save.report;
    }

    /// Throws Error(io) where OUT takes no more: that concerns all inputs.
    Outcome finished(std::size_t index, Source source, std::vector<Explanation> explanations) const {
        try {
            const std::vector<std::byte> preview = std::move(source.preview);
            const report::ImageRecord record =
                write_item_files(options_, inputs_[index], std::move(source), std::move(explanations), explainer_);
            return {index, report::journal_line(index, record, preview, preview_side(index) > 0),
                    observer_.describe ? observer_.describe(record) : "", std::nullopt};
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::io) throw;
            return failed(index, error.what());
        } catch (const std::bad_alloc&) {
            return failed(index, "memory does not suffice for its pictures");
        }
    }

    Outcome failed(std::size_t index, const std::string& why) const {
        const report::Failure failure{inputs_[index].name, why};
        return {index, report::journal_line(index, failure), "", failure};
    }

    const RunOptions& options_;
    const std::vector<InputItem>& inputs_;
    const Explainer& explainer_;
    const std::vector<ClassRequest>& classes_;
    const RunObserver& observer_;
    const std::atomic<bool>& stop_;
    report::PreviewPlan previews_;
};

/// Inputs a pass where nobody said: what the model insists on, else one. Two were up to a twentieth faster on some runs, and a fifth slower on
/// others, on a machine whose cache they nearly fill (docs/performance.md). It depends on nothing but the model: how many share a pass may show in the
/// last bit of a map.
std::size_t inputs_a_pass(const RunOptions& options, const Explainer& explainer) {
    constexpr std::int64_t most = 16;
    if (options.batch > 0) return static_cast<std::size_t>(options.batch);
    return static_cast<std::size_t>(std::clamp<std::int64_t>(explainer.model().fixed_batch.value_or(1), 1, most));
}

/// The inputs by passes, without passes that are done. One that is done in part is gone through again as a whole, for the same reason.
std::vector<cluster::Unit> open_passes(const report::RunJournal& journal, std::size_t inputs, std::size_t batch) {
    std::vector<cluster::Unit> units;
    for (std::size_t first = 0; first < inputs; first += batch) {
        cluster::Unit unit(std::min(batch, inputs - first));
        std::iota(unit.begin(), unit.end(), first);
        if (!std::ranges::all_of(unit, [&](std::size_t index) { return journal.contains(index); }))
            units.push_back(std::move(unit));
    }
    return units;
}

/// What would fail at every photo is refused before the folder of an earlier run is touched. Throws Error(usage).
void require_usable(const RunOptions& options) {
    if (!(options.boxes.threshold >= 0 && options.boxes.threshold < 1))
        throw Error(
            ErrorKind::usage,
            fmt::format("a threshold of {} is not possible: it is a share of the map's maximum, from 0 to below 1",
                        options.boxes.threshold));
    if (!(options.overlay.alpha >= 0 && options.overlay.alpha <= 1))
        throw Error(ErrorKind::usage,
                    fmt::format("an opacity of {} is not possible: it lies between 0 and 1", options.overlay.alpha));
}

/// A mistyped list takes no earlier results away. Throws Error(io).
void require_an_input(const RunOptions& options, const std::vector<InputItem>& inputs) {
    if (options.overwrite || std::ranges::any_of(inputs, [](const auto& item) { return item.error.empty(); })) return;
    if (inputs.empty() || report::inspect_out(options.out) != report::OutState::finished) return;
    throw Error(ErrorKind::io,
                fmt::format("there are no inputs ({}: {}), so the finished run in {} is left as it is",
                            text::quote(inputs.front().name), inputs.front().error, text::quote(options.out.string())));
}

/// Whether a file lies in a folder that the run in `out` wrote.
bool was_written_into(const std::filesystem::path& out, const std::filesystem::path& file) {
    std::error_code error;
    for (auto folder = file.parent_path(); folder != folder.parent_path(); folder = folder.parent_path()) {
        if (report::belongs_to_run(folder) && std::filesystem::equivalent(folder / "..", out, error)) return true;
    }
    return false;
}

/// What a run wrote cannot be input of the one that takes its place. Throws Error(usage).
void require_inputs_of_others(const RunOptions& options, const std::vector<InputItem>& inputs) {
    const report::OutState state = report::inspect_out(options.out);
    if (state != report::OutState::finished && state != report::OutState::unfinished) return;
    for (const InputItem& item : inputs) {
        if (!was_written_into(options.out, item.file)) continue;
        throw Error(ErrorKind::usage,
                    fmt::format("the input {} was written by the run in {}, which this one would take the place of: "
                                "choose another folder with --out",
                                text::quote(item.name), text::quote(options.out.string())));
    }
}

/// The model made ready, and on rank 0 the journal opened.
struct Setting {
    std::optional<Explainer> explainer;
    std::vector<ClassRequest> classes;
    report::RunRecord record;
    std::optional<report::RunJournal> journal;
};

void prepare(const RunOptions& options, const std::vector<InputItem>& inputs, int threads_a_pass, bool keeps_journal,
             Setting& setting) {
    require_usable(options);
    ExplainerOptions explainer_options = options.explainer;
    explainer_options.threads = threads_a_pass;
    std::future<std::string> sha256;
    if (keeps_journal) sha256 = std::async(std::launch::async, report::sha256_of_file, options.model);
    Explainer& explainer = setting.explainer.emplace(options.model, explainer_options);
    if (!options.labels.empty()) explainer.set_labels(options.labels);
    setting.classes = requests(options, explainer);
    explainer.check(setting.classes);
    if (!keeps_journal) return;
    if (!options.resume) {
        require_an_input(options, inputs);
        require_inputs_of_others(options, inputs);
    }
    setting.record = run_record(options, explainer, sha256.get());
    const report::RunPlan run_plan = plan(options, inputs, setting.record, explainer);
    setting.journal.emplace(options.resume ? report::RunJournal::resume(options.out, run_plan)
                                           : report::RunJournal::create(options.out, run_plan, options.overwrite));
}

}  // namespace

RunResult run(const RunOptions& options, const std::vector<InputItem>& inputs, const RunObserver& observer,
              const std::atomic<bool>& stop) {
    const cluster::Cluster alone = cluster::Cluster::alone();
    const cluster::Cluster& cluster = options.cluster == nullptr ? alone : *options.cluster;
    const int threads = options.threads > 0 ? options.threads : cluster.cores();
    const std::size_t inputs_a_rank = inputs.size() / static_cast<std::size_t>(cluster.size());
    const auto least = static_cast<std::size_t>(std::max(1, options.batch));
    const auto passes = static_cast<int>(std::min<std::size_t>((inputs_a_rank + least - 1) / least, 1 << 16));
    const int workers = options.explainer.cuda ? std::min(2, threads) : std::clamp(passes, 1, threads);

    Setting setting;
    std::exception_ptr failure;
    try {
        prepare(options, inputs, std::max(1, threads / workers), cluster.rank() == 0, setting);
    } catch (...) {
        failure = std::current_exception();
    }
    cluster.agree(failure);
    const Worker worker(options, inputs, *setting.explainer, setting.classes, observer, stop);
    const cluster::Work work = [&](const cluster::Unit& unit) { return packed(worker.explain(unit)); };
    if (cluster.rank() > 0) {
        cluster.work(work, workers);
        return {.inputs = inputs.size(), .is_helper = true};
    }
    report::RunJournal& journal = *setting.journal;
    if (observer.begun) observer.begun(setting.record, *setting.explainer);

    RunResult result{.inputs = inputs.size(), .resumed = journal.done()};
    InOrder in_order(observer, journal);
    const std::size_t batch = inputs_a_pass(options, *setting.explainer);
    const auto take = [&](const cluster::Unit&, const std::string& text) {
        for (Outcome& outcome : unpacked(text)) {
            if (journal.contains(outcome.index)) continue;
            journal.append(outcome.line);
            outcome.line = {};  // many may wait behind a slow one
            in_order.put(std::move(outcome));
        }
    };
    cluster.deal(open_passes(journal, inputs.size(), batch), work, workers, &stop, take,
                 std::max<std::size_t>(1, most_behind_one / batch));
    in_order.put_rest();

    result.failed = journal.failed();
    result.done = journal.done() - result.failed;
    result.interrupted = journal.done() < inputs.size();
    result.interrupted ? journal.interrupt(setting.record) : journal.finish(setting.record);
    return result;
}

}  // namespace locus::batch
