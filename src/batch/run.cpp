#include "batch/run.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "batch/outcome.hpp"
#include "batch/run_identity.hpp"
#include "batch/worker.hpp"
#include "files/sha256.hpp"
#include "image/heat.hpp"
#include "image/preprocess.hpp"
#include "image/sample_depth.hpp"
#include "localize/threshold.hpp"
#include "locus/error.hpp"
#include "report/out_folder.hpp"
#include "report/run_journal.hpp"
#include "text/quote.hpp"

namespace locus::batch {
namespace {

/// Results kept back, at most, until the image before them is done: a few MB of text, and minutes of work for a slow
/// one.
constexpr std::size_t most_behind_one = 4096;

std::vector<ClassRequest> requests(const RunOptions& options, const Explainer& explainer) {
    std::vector<ClassRequest> result;
    for (const std::string& text : options.classes) result.push_back(ClassRequest::parse(text, explainer.labels()));
    return result;
}

/// Inputs a pass where nobody said: what the model insists on, else one. Two were up to a twentieth faster on some
/// runs, and a fifth slower on others, on a machine whose cache they nearly fill (docs/performance.md). It depends on
/// nothing but the model: how many share a pass may show in the last bit of a map.
std::size_t inputs_a_pass(const RunOptions& options, const Explainer& explainer) {
    constexpr std::int64_t most = 16;
    if (options.batch > 0) return static_cast<std::size_t>(options.batch);
    return static_cast<std::size_t>(std::clamp<std::int64_t>(explainer.model().fixed_batch.value_or(1), 1, most));
}

/// The inputs by passes, without passes that are done. One that is done in part is gone through again as a whole, for
/// the same reason.
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
    localize::require_threshold(options.boxes.threshold);
    image::require_opacity(options.overlay.alpha);
}

/// Why an input cannot be read; empty where it can. A pipe, which can be read but once, is trusted.
std::string reading_error(const InputItem& item, const RunOptions& options, const Preprocessing& preprocessing) {
    std::error_code unknown;
    if (!item.error.empty()) return fmt::format("{}: {}", text::quote(item.name), item.error);
    if (!std::filesystem::is_regular_file(item.file, unknown)) return {};
    try {
        InputBatch(preprocessing, 1, options.sample_bits).read(item, false);
    } catch (const Error& error) {
        return error.what();
    } catch (const std::bad_alloc&) {
        return fmt::format("{}: memory does not suffice to decode it", text::quote(item.name));
    }
    return {};
}

/// A mistyped list, or one of no pictures, takes no earlier results away. Throws Error(io).
void require_an_input(const RunOptions& options, const std::vector<InputItem>& inputs,
                      const Preprocessing& preprocessing) {
    if (options.overwrite || inputs.empty() || report::inspect_out(options.out) != report::OutState::finished) return;
    std::string first_error;
    for (const InputItem& item : inputs) {
        const std::string error = reading_error(item, options, preprocessing);
        if (error.empty()) return;
        if (first_error.empty()) first_error = error;
    }
    throw Error(ErrorKind::io, fmt::format("there are no inputs ({}), so the finished run in {} is left as it is",
                                           first_error, text::quote(options.out.string())));
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

bool is_of_array(const InputItem& item) { return is_array(item.file); }

/// Photos that fit no network of such channels are refused once, not one by one. Throws Error(usage).
void require_fitting_inputs(const std::vector<InputItem>& inputs, const Preprocessing& preprocessing) {
    if (std::ranges::none_of(inputs, is_of_array)) image::require_photo_channels(preprocessing);
}

/// The model made ready, and on rank 0 the journal opened.
struct Setting {
    std::optional<Explainer> explainer;
    std::vector<ClassRequest> classes;
    report::RunRecord record;
    std::optional<report::RunJournal> journal;
};

void prepare(const RunOptions& options, const std::vector<InputItem>& inputs, int threads_a_pass, bool keeps_journal,
             const std::atomic<bool>& stop, Setting& setting) {
    require_usable(options);
    ExplainerOptions explainer_options = options.explainer;
    explainer_options.threads = threads_a_pass;
    explainer_options.stop = &stop;
    std::future<std::string> sha256;
    if (keeps_journal) sha256 = std::async(std::launch::async, files::sha256_of_file, options.model);
    Explainer& explainer = setting.explainer.emplace(options.model, explainer_options);
    if (!options.labels.empty()) explainer.set_labels(options.labels);
    setting.classes = requests(options, explainer);
    explainer.check(setting.classes);
    require_fitting_inputs(inputs, explainer.preprocessing());
    if (!keeps_journal) return;
    if (!options.resume) {
        require_inputs_of_others(options, inputs);
        require_an_input(options, inputs, explainer.preprocessing());
    }
    const bool takes_photos = options.explainer.target_image || !std::ranges::all_of(inputs, is_of_array);
    setting.record = run_record(options, explainer, sha256.get(), takes_photos);
    const report::RunPlan plan = run_plan(options, inputs, setting.record, explainer);
    setting.journal.emplace(options.resume ? report::RunJournal::resume(options.out, plan)
                                           : report::RunJournal::create(options.out, plan, options.overwrite));
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
        prepare(options, inputs, std::max(1, threads / workers), cluster.rank() == 0, stop, setting);
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

    bool met_16_bits = false;
    RunResult result{.inputs = inputs.size(), .resumed = journal.done()};
    InOrder in_order(observer, journal);
    const std::size_t batch = inputs_a_pass(options, *setting.explainer);
    const auto take = [&](const cluster::Unit&, const std::string& text) {
        for (Outcome& outcome : unpacked(text)) {
            if (journal.contains(outcome.index)) continue;
            journal.append(outcome.line);
            met_16_bits |= outcome.has_16_bits;
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
    if (options.sample_bits != 0 && !result.interrupted && result.resumed == 0 && result.done > 0 && !met_16_bits)
        result.remark = image::bits_remark(options.sample_bits);
    result.interrupted ? journal.interrupt(setting.record) : journal.finish(setting.record);
    return result;
}

}  // namespace locus::batch
