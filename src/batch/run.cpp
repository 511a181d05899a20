#include "batch/run.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "batch/item_files.hpp"
#include "batch/item_source.hpp"
#include "locus/error.hpp"
#include "report/run_journal.hpp"
#include "report/sha256.hpp"

namespace locus::batch {
namespace {

int cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

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

std::string yes(bool value) { return value ? "yes" : "no"; }

/// Everything that the results depend on, by the names that users know.
report::RunPlan plan(const RunOptions& options, const std::vector<InputItem>& inputs, const report::RunRecord& record,
                     const Explainer& explainer) {
    std::string names;
    for (const InputItem& item : inputs) names += item.name + '\n';
    const Preprocessing& p = explainer.preprocessing();
    std::string classes;
    for (const std::string& text : options.classes) classes += (classes.empty() ? "" : " ") + text;
    const Saves& save = options.save;
    report::RunPlan result;
    result.inputs = inputs.size();
    result.boxes = save.boxes;
    result.report = save.report;
    result.settings = {
        {"model", record.model.file},
        {"the model's SHA-256", record.model.sha256},
        {"the list of inputs (SHA-256)", report::sha256(names)},
        {"--method", record.method},
        {"--layer", record.layer},
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
        {"--resize", p.resize == Resize::crop ? fmt::format("crop {}", p.crop_pct) : "squash"},
        {"--color", fmt::format("{}", static_cast<int>(p.color))},
        {"--seed", fmt::format("{}", record.seed)},
    };
    return result;
}

/// Hands the observer its images in the order of the inputs, whatever order the workers finish in.
class InOrder {
public:
    InOrder(const RunObserver& observer, const report::RunJournal& journal) : observer_(observer), journal_(journal) {
        skip_earlier();
    }

    void image(std::size_t index, report::ImageRecord record) {
        put(index, [this, record = std::move(record)] {
            if (observer_.image) observer_.image(record);
        });
    }
    void failure(std::size_t index, report::Failure failure) {
        put(index, [this, failure = std::move(failure)] {
            if (observer_.failure) observer_.failure(failure);
        });
    }

private:
    void put(std::size_t index, std::function<void()> tell) {
        const std::lock_guard lock(mutex_);
        waiting_.emplace(index, std::move(tell));
        while (!waiting_.empty() && waiting_.begin()->first == next_) {
            waiting_.begin()->second();
            waiting_.erase(waiting_.begin());
            ++next_;
            skip_earlier();
        }
        if (observer_.progress) observer_.progress(++told_ + journal_before_, journal_.inputs());
    }

    /// What an earlier run did is not told again.
    void skip_earlier() {
        while (next_ < journal_.inputs() && earlier(next_)) ++next_;
    }

    bool earlier(std::size_t index) const { return earlier_[index]; }

    const RunObserver& observer_;
    const report::RunJournal& journal_;
    std::mutex mutex_;
    std::map<std::size_t, std::function<void()>> waiting_;
    std::vector<bool> earlier_ = [this] {
        std::vector<bool> done(journal_.inputs());
        for (std::size_t i = 0; i < done.size(); ++i) done[i] = journal_.contains(i);
        return done;
    }();
    std::size_t next_ = 0, told_ = 0, journal_before_ = journal_.done();
};

/// Carries inputs through decoding, the network and drawing, a batch at a time.
class Worker {
public:
    Worker(const RunOptions& options, const std::vector<InputItem>& inputs, const Explainer& explainer,
           const std::vector<ClassRequest>& classes, report::RunJournal& journal, InOrder& in_order)
        : options_(options),
          inputs_(inputs),
          explainer_(explainer),
          classes_(classes),
          journal_(journal),
          in_order_(in_order) {}

    void explain(const std::vector<std::size_t>& indices) {
        std::vector<std::size_t> readable;
        std::vector<Source> sources;
        for (const std::size_t index : indices) {
            try {
                if (!inputs_[index].error.empty()) throw Error(ErrorKind::io, inputs_[index].error);
                sources.push_back(read_source(inputs_[index], explainer_.preprocessing(), needs_picture(index)));
                readable.push_back(index);
            } catch (const Error& error) {
                fail(index, error.what());
            } catch (const std::bad_alloc&) {
                fail(index, "memory does not suffice to decode it");
            }
        }
        if (readable.empty()) return;
        std::vector<std::vector<Explanation>> explanations;
        try {
            explanations = explainer_.explain(joined_inputs(sources), {classes_});
        } catch (const Error& error) {
            // One input of another shape spoils the batch: each alone tells which.
            if (readable.size() == 1) return fail(readable.front(), error.what());
            for (const std::size_t index : readable) explain({index});
            return;
        }
        for (std::size_t i = 0; i < readable.size(); ++i) finish(readable[i], sources[i], std::move(explanations[i]));
    }

private:
    bool needs_picture(std::size_t index) const {
        return options_.save.overlay || options_.explainer.parts > 0 || journal_.preview_side(index) > 0;
    }

    void finish(std::size_t index, const Source& source, std::vector<Explanation> explanations) {
        ItemFiles files = write_item_files(options_, inputs_[index], source, std::move(explanations), explainer_,
                                           journal_.preview_side(index));
        journal_.append(index, files.record, files.preview);
        in_order_.image(index, std::move(files.record));
    }

    void fail(std::size_t index, const std::string& why) {
        const report::Failure failure{inputs_[index].name, why};
        journal_.append(index, failure);
        in_order_.failure(index, failure);
    }

    const RunOptions& options_;
    const std::vector<InputItem>& inputs_;
    const Explainer& explainer_;
    const std::vector<ClassRequest>& classes_;
    report::RunJournal& journal_;
    InOrder& in_order_;
};

}  // namespace

RunResult run(const RunOptions& options, const std::vector<InputItem>& inputs, const RunObserver& observer,
              const std::atomic<bool>& stop) {
    const int threads = options.threads > 0 ? options.threads : cores();
    const std::size_t batch = static_cast<std::size_t>(std::max(1, options.batch));
    const auto passes = static_cast<int>(std::min<std::size_t>((inputs.size() + batch - 1) / batch, 1 << 16));
    const int workers = options.explainer.cuda ? std::min(2, threads) : std::clamp(passes, 1, threads);

    ExplainerOptions explainer_options = options.explainer;
    explainer_options.threads = std::max(1, threads / workers);
    Explainer explainer(options.model, explainer_options);
    if (!options.labels.empty()) explainer.set_labels(options.labels);
    const std::vector<ClassRequest> classes = requests(options, explainer);
    explainer.check(classes);
    const report::RunRecord record = run_record(options, explainer, report::sha256_of_file(options.model));
    const report::RunPlan run_plan = plan(options, inputs, record, explainer);
    report::RunJournal journal = options.resume ? report::RunJournal::resume(options.out, run_plan)
                                                : report::RunJournal::create(options.out, run_plan, options.overwrite);
    if (observer.begun) observer.begun(record, explainer);

    RunResult result{.inputs = inputs.size(), .resumed = journal.done()};
    InOrder in_order(observer, journal);
    std::vector<std::size_t> todo;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!journal.contains(i)) todo.push_back(i);
    }

    std::atomic<std::size_t> next{0};
    std::atomic<bool> broken{false};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    const auto work = [&] {
        try {
            Worker worker(options, inputs, explainer, classes, journal, in_order);
            while (!stop && !broken) {
                const std::size_t first = next.fetch_add(batch);
                if (first >= todo.size()) break;
                const auto begin = todo.begin() + static_cast<std::ptrdiff_t>(first);
                worker.explain({begin, begin + static_cast<std::ptrdiff_t>(std::min(batch, todo.size() - first))});
            }
        } catch (...) {  // the disk is full, say: no use in going on
            const std::lock_guard lock(failure_mutex);
            if (!failure) failure = std::current_exception();
            broken = true;
        }
    };
    {
        std::vector<std::jthread> pool;
        for (int i = 1; i < workers; ++i) pool.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);

    result.failed = journal.failed();
    result.done = journal.done() - result.failed;
    result.interrupted = journal.done() < inputs.size();
    result.interrupted ? journal.interrupt(record) : journal.finish(record);
    return result;
}

}  // namespace locus::batch
