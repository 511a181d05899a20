/// `locus evaluate`: how good maps are, by the field's own definitions.

#include <fmt/format.h>

#include "command.hpp"
#include "evaluate/evaluation.hpp"
#include "interrupt.hpp"
#include "locus/error.hpp"
#include "locus/version.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "progress.hpp"
#include "runtime/thread_count.hpp"
#include "standard_streams.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

struct EvaluateArguments {
    evaluate::EvaluationOptions run{.out = "locus-evaluation"};
    std::string metrics;
    int threads = 0;  ///< 0: one a core
    bool resume = false;
    bool overwrite = false;
    bool quiet = false;
};

std::string metric_help() {
    std::string text = "Metrics (up or down: which way is better):\n";
    for (const evaluate::Metric& metric : evaluate::metrics()) {
        text +=
            fmt::format("  {:<12} {:<5} {}\n", metric.name, metric.higher_is_better ? "up" : "down", metric.meaning);
    }
    return text;
}

void run_evaluate(EvaluateArguments& arguments, const cluster::Cluster& cluster) {
    evaluate::EvaluationOptions& run = arguments.run;
    if (!arguments.metrics.empty()) run.metrics = split_list(arguments.metrics);
    run.methods = split_lists(run.methods);
    run.version = version;
    run.threads = arguments.threads > 0 ? runtime::bounded_threads(arguments.threads) : cluster.cores();
    run.cluster = &cluster;
    if (arguments.resume) run.begin = evaluate::Begin::resume;
    if (arguments.overwrite) run.begin = evaluate::Begin::overwrite;
    const std::atomic<bool>& stop = stop_on_interrupt(cluster, run.out);
    Progress progress("images", arguments.quiet || cluster.rank() > 0);
    const evaluate::Evaluation result = evaluate::evaluate(
        run, {.progress = [&](std::size_t done, std::size_t total) { progress.show(done, total); }, .stop = &stop});
    if (result.is_worker) return;
    progress.clear();
    if (!result.complete) {
        say("locus: stopped; the same command with --resume completes {}\n", run.out.string());
        throw Exit{interrupted};
    }
    std::fputs(result.table.c_str(), stdout);
    for (const evaluate::ImageRecord& record : result.records) {
        if (!record.error.empty()) say("locus: {}: {}\n", text::to_utf8(record.name), text::to_utf8(record.error));
    }
    if (!arguments.quiet) {
        for (const std::string& remark : result.description.remarks) say("locus: {}\n", text::to_utf8(remark));
        say("locus: {} images{}{}; results in {}, to look at: {}\n", result.summary.images,
            result.summary.failed > 0 ? fmt::format(", {} failed", result.summary.failed) : "",
            run.resamples > 0 ? "; 95 % intervals over images" : "", run.out.string(),
            (run.out / "report.html").string());
    }
    if (result.summary.failed > 0) throw Exit{job_failed};
}

void add_subject_options(CLI::App& command, EvaluateArguments& arguments) {
    evaluate::EvaluationOptions& run = arguments.run;
    const std::string what = "What is measured";
    repeatable(command.add_option("-m,--model", run.models, "Model; may be given again"))
        ->type_name("MODEL.onnx")
        ->group(what);
    repeatable(
        command.add_option("-M,--method", run.methods,
                           "Method of explanation, or several joined by commas; may be given again (default: auto)"))
        ->transform(in_any_case())
        ->type_name("NAME")
        ->group(what);
    repeatable(command.add_option("--maps", run.maps, "Folder of maps (.npy) in place of a model; may be given again"))
        ->type_name("DIR")
        ->group(what);
    command
        .add_option("--metrics", arguments.metrics,
                    "List, see below (default: all that the data allow and that need one pass)")
        ->transform(in_any_case())
        ->type_name("LIST")
        ->group(what);
}

void add_data_options(CLI::App& command, EvaluateArguments& arguments) {
    evaluate::EvaluationOptions& run = arguments.run;
    const std::string data = "Against what";
    repeatable(
        command.add_option(
            "--data", run.data,
            "Images: a folder of class folders, a tar file of such, or a CSV file path,label; may be given again"))
        ->type_name("SOURCE")
        ->group(data);
    command
        .add_option("--truth", run.truth,
                    "CSV file path,label of the images' true classes, where the data's folders do not say them")
        ->type_name("CSV")
        ->group(data);
    command
        .add_option("--classes", run.classes, "CSV file of the data's classes (a key as the folders are named, name)")
        ->type_name("CSV")
        ->group(data);
    command.add_option("--boxes", run.boxes, "True boxes: CSV, COCO JSON, or a folder of VOC or ILSVRC XML files")
        ->type_name("FILE")
        ->group(data);
    command.add_option("--masks", run.masks, "Folder of masks: PNG, 0, 1, 255 = left out")
        ->type_name("DIR")
        ->group(data);
    command.add_option("--subset", run.subset, "So many images, drawn by the seed (default: all)")
        ->check(whole_number(1))
        ->type_name("N")
        ->group(data);
}

void add_run_options(CLI::App& command, EvaluateArguments& arguments) {
    evaluate::EvaluationOptions& run = arguments.run;
    const std::string how = "How";
    command.add_option("-o,--out", run.out, "Folder for the results")
        ->capture_default_str()
        ->type_name("DIR")
        ->group(how);
    command.add_option("--step", run.step, "Step of the thresholds")
        ->capture_default_str()
        ->type_name("STEP")
        ->group(how);
    command.add_option("--size", run.side, "Side of the square on which MaxBoxAcc and PxAP are computed")
        ->capture_default_str()
        ->type_name("PIXELS")
        ->group(how);
    command.add_option("-t,--threshold", run.threshold, "Of gt-known, loc1 and loc5: share of the map's maximum")
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(how);
    command.add_option("--tolerance", run.tolerance, "Of the pointing game, in pixels")
        ->capture_default_str()
        ->type_name("PIXELS")
        ->group(how);
    command.add_option("--steps", run.steps, "Of insertion and deletion")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000))
        ->type_name("N")
        ->group(how);
    command.add_option("--resamples", run.resamples, "Of the bootstrap; 0: no intervals")
        ->capture_default_str()
        ->type_name("N")
        ->group(how);
    command.add_option("--seed", run.seed, "Of everything random")
        ->capture_default_str()
        ->check(whole_number())
        ->type_name("N")
        ->group(how);
    add_sample_bits(command, run.sample_bits)->group(how);
    command.add_option("-b,--batch", run.batch, "Images a pass of the network")
        ->capture_default_str()
        ->check(CLI::Range(1, 4096))
        ->type_name("N")
        ->group(how);
    add_threads(command, arguments.threads)->group(how);
    auto* resume = command.add_flag("--resume", arguments.resume, "Complete the unfinished run in OUT")->group(how);
    command.add_flag("--overwrite", arguments.overwrite, "Begin anew in OUT, whatever is there")
        ->excludes(resume)
        ->group(how);
    command.add_flag("-q,--quiet", arguments.quiet, "The table and errors only")->group(how);
}

}  // namespace

void add_evaluate(CLI::App& app) {
    auto arguments = std::make_shared<EvaluateArguments>();
    CLI::App& command = *app.add_subcommand(
        "evaluate", "Measure how good maps are: localization and faithfulness, with baselines and intervals");
    command.footer(
        metric_help() +
        "Definitions: docs/metrics.md. OUT holds metrics.json, metrics.csv, report.html, and records.jsonl for "
        "--resume. If it holds a finished run, that is replaced; if an unfinished one, --resume completes it and "
        "--overwrite begins anew; if other things, nothing is done without --overwrite, and then only what has the "
        "name of a result is replaced.\n\n"
        "Examples:\n"
        "  locus evaluate --maps maps/ --boxes boxes.csv                        maps of any tool, no model needed\n"
        "  locus evaluate -m a.onnx -m b.onnx -M cam -M grad-cam --data val.tar --boxes val_boxes.csv\n"
        "  locus evaluate -m a.onnx --data val/ --metrics top1,insertion,deletion --subset 500");
    add_subject_options(command, *arguments);
    add_data_options(command, *arguments);
    add_run_options(command, *arguments);
    command.callback([arguments] {
        const cluster::Cluster cluster = cluster::Cluster::join();
        on_rank(cluster, [&] { run_evaluate(*arguments, cluster); });
    });
}

}  // namespace locus::command
