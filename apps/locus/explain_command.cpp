/// `locus explain`: photos in, maps, boxes, pictures and a report out.

#include <algorithm>
#include <atomic>
#include <exception>
#include <iostream>
#include <map>

#include <fmt/color.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "batch/input_list.hpp"
#include "batch/run.hpp"
#include "command.hpp"
#include "default_model.hpp"
#include "feeds.hpp"
#include "interrupt.hpp"
#include "locus/error.hpp"
#include "method_options.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "progress.hpp"
#include "report/out_folder.hpp"
#include "report/results_json.hpp"
#include "runtime/thread_count.hpp"
#include "standard_streams.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

struct ExplainArguments {
    batch::RunOptions run{.out = "locus-out"};
    PreprocessingOptions preprocessing;
    MethodArguments method;
    std::vector<std::string> inputs, feeds, methods;
    std::string model, save, components = "largest", device = "cpu", memory = "2G";
    bool json = false, quiet = false, verbose = false;
};

batch::Saves saves(const std::vector<std::string>& names) {
    batch::Saves save{false, false, false, false, false, false};
    const std::map<std::string, bool batch::Saves::*> known{
        {"overlay", &batch::Saves::overlay}, {"heatmap", &batch::Saves::heatmap}, {"mask", &batch::Saves::mask},
        {"map", &batch::Saves::map},         {"boxes", &batch::Saves::boxes},     {"report", &batch::Saves::report}};
    std::vector<std::string> all;
    for (const auto& [name, member] : known) all.push_back(name);
    for (const std::string& name : names) {
        if (name == "none" && names.size() > 1)
            throw Error(ErrorKind::usage, "--save takes none or a list of files, not both");
        if (name == "none") continue;
        const auto found = known.find(name);
        if (found == known.end()) {
            throw Error(ErrorKind::usage, fmt::format("--save takes none or a list of {}, not '{}'{}",
                                                      fmt::join(all, ","), name, text::did_you_mean(name, all)));
        }
        save.*(found->second) = true;
    }
    return save;
}

/// "500M", "2G" or plain bytes.
std::size_t bytes(const std::string& text) {
    std::size_t used = 0;
    double value = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    const std::string unit = text.substr(used);
    const double factor = unit.empty()                 ? 1
                          : unit == "K" || unit == "k" ? 0x1p10
                          : unit == "M" || unit == "m" ? 0x1p20
                          : unit == "G" || unit == "g" ? 0x1p30
                                                       : 0;
    if (used == 0 || factor == 0 || !(value > 0) || value * factor > 0x1p60) {
        throw Error(ErrorKind::usage, fmt::format("--memory takes an amount such as 500M or 2G, not '{}'", text));
    }
    return static_cast<std::size_t>(value * factor);
}

/// How sure the model is: a percentage where its scores are probabilities, else the score itself.
std::string certainty(const Explanation& e) {
    return e.probability ? fmt::format("{:.1f} %", 100.0 * *e.probability) : fmt::format("score {:.4g}", e.score);
}

/// Names as results.json has them, but on one line.
std::string shown(const std::string& name) { return text::printable(text::to_utf8(name)); }

/// Most sentences begin with the file's name in quotes: it is not said twice.
std::string sentence(const report::Failure& failure) {
    const std::string file = shown(failure.file), error = shown(failure.error);
    return file.empty() || error.starts_with("'" + file + "'") ? error : fmt::format("{}: {}", file, error);
}

/// A photo's summary: one line for it, one for each class.
std::string summary(const report::ImageRecord& image) {
    std::string text = fmt::format("{}  {} x {}\n", shown(image.file), image.width, image.height);
    const bool several = std::any_of(image.explanations.begin(), image.explanations.end(), [&](const auto& record) {
        return record.method != image.explanations.front().method;
    });
    for (const report::ExplanationRecord& record : image.explanations) {
        const Explanation& e = record.explanation;
        const std::string name = e.class_name.empty() ? fmt::format("class {}", e.class_index) : shown(e.class_name);
        std::string where = e.note;
        if (where.empty()) where = record.boxes.empty() ? "no box" : "";
        for (const Box& box : record.boxes)
            where += fmt::format("{}box {},{} {}x{}", where.empty() ? "" : "; ", box.x, box.y, box.width, box.height);
        text +=
            fmt::format("  {:>3}. {}  {}  {}{}\n", e.rank, name, certainty(e), several ? e.method + ": " : "", where);
    }
    return text;
}

/// The arguments into options; what is wrong with them is told before any work is done.
void read_arguments(ExplainArguments& arguments) {
    batch::RunOptions& run = arguments.run;
    run.model = arguments.model.empty() ? default_model() : std::filesystem::path(arguments.model);
    run.model_name = arguments.model.empty() ? "embedded" : "";
    run.explainer.cuda = arguments.device == "cuda";
    run.explainer.feeds = read_feeds(arguments.feeds);
    run.explainer.memory_limit = bytes(arguments.memory);
    run.threads = runtime::bounded_threads(run.threads);
    run.explainer.threads = run.threads;
    if (!arguments.methods.empty()) run.explainer.method = fmt::format("{}", fmt::join(arguments.methods, ","));
    run.explainer.settings = arguments.method.words();
    run.explainer.target_mask = arguments.method.mask();
    run.explainer.target_embedding = arguments.method.embedding();
    run.explainer.target_image = arguments.method.image(run.sample_bits);
    run.explainer.preprocessing = arguments.preprocessing.change();
    run.labels = arguments.preprocessing.read_labels();
    run.boxes.components = arguments.components == "all" ? Components::all : Components::largest;
    if (!arguments.save.empty()) run.save = saves(split_list(arguments.save));
    if (run.overlay.is_signed && run.overlay.colormap != OverlayOptions().colormap)
        throw Error(ErrorKind::usage, "--signed shows diverging colours of its own: --colormap is left out with it");
    colormap(run.overlay.colormap);  // an unknown name is told before any work is done
}

/// Rank 0 lists the inputs for all.
std::vector<batch::InputItem> shared_inputs(ExplainArguments& arguments, const cluster::Cluster& cluster) {
    std::string list;
    std::exception_ptr failure;
    try {
        read_arguments(arguments);
        if (cluster.rank() == 0) {
            const auto inputs = batch::list_inputs(arguments.inputs, std::cin);
            if (inputs.empty())
                throw Error(ErrorKind::usage, "there are no inputs: the list on standard input is empty");
            list = batch::pack_inputs(inputs);
        }
    } catch (...) {
        failure = std::current_exception();
    }
    cluster.agree(failure);
    return batch::unpack_inputs(cluster.broadcast(std::move(list)));
}

/// Whether what a broken-off run has done is still there: OUT itself may be what was taken away.
bool is_kept(const std::filesystem::path& out) {
    std::error_code unknown;
    return std::filesystem::exists(report::journal_path(out), unknown) ||
           std::filesystem::exists(report::settings_path(out), unknown);
}

/// What came of the run; throws Exit where not all is done.
void tell_outcome(const batch::RunResult& result, const batch::RunOptions& run, bool quiet) {
    if (!result.remark.empty() && !quiet) say("locus: warning: {}\n", result.remark);
    const std::string out = run.out.string();
    if (result.interrupted) {
        say("locus: stopped after {} of {} images; the same command with --resume completes {}\n",
            result.done + result.failed, result.inputs, out);
        throw Exit{interrupted};
    }
    if (!quiet) {
        say("locus: {} explained{}{}; results in {}{}\n", result.done,
            result.failed > 0 ? fmt::format(", {} failed", result.failed) : "",
            result.resumed > 0 ? fmt::format(" ({} by an earlier run)", result.resumed) : "", out,
            run.save.report ? fmt::format(", to look at: {}", (run.out / "report.html").string()) : "");
    }
    if (result.failed > 0) throw Exit{job_failed};
}

void explain(ExplainArguments& arguments, const cluster::Cluster& cluster) {
    const auto inputs = shared_inputs(arguments, cluster);
    batch::RunOptions& run = arguments.run;
    run.cluster = &cluster;
    const std::atomic<bool>& stop = stop_on_interrupt(cluster, run.out);
    Progress progress("images", arguments.quiet);
    batch::RunObserver observer;
    bool begun = false;
    observer.begun = [&](const report::RunRecord& record, const Explainer& explainer) {
        begun = true;
        if (arguments.quiet) return;
        for (const std::string& warning : record.warnings) say("locus: warning: {}\n", warning);
        if (arguments.verbose)
            say("locus: {}: {} at '{}', {} classes\n", text::to_utf8(record.model.file),
                fmt::join(explainer.methods(), ", "), record.layer, record.model.classes);
    };
    observer.describe = [&](const report::ImageRecord& image) {
        if (arguments.json) return report::image_json(image) + '\n';
        return arguments.quiet ? std::string() : summary(image);
    };
    observer.image = [&](const std::string& description) {
        if (description.empty()) return;
        progress.clear();
        std::fputs(description.c_str(), stdout);  // a full disk behind it must not end the run
    };
    observer.warning = [&](const std::string& warning) {
        if (arguments.quiet) return;
        progress.clear();
        say("locus: warning: {}\n", shown(warning));
    };
    observer.failure = [&](const report::Failure& failure) {
        progress.clear();
        say("locus: {}\n", sentence(failure));
    };
    observer.progress = [&](std::size_t done, std::size_t total) { progress.show(done, total); };

    batch::RunResult result;
    try {
        result = batch::run(run, inputs, observer, stop);
    } catch (const Stopped&) {
        say("locus: stopped before the model was ready\n");
        throw Exit{interrupted};
    } catch (const Error& error) {  // a full disk, most often
        if (error.kind() != ErrorKind::io || !begun || !is_kept(run.out)) throw;
        throw Error(ErrorKind::io, fmt::format("{}; what is done is kept: the same command with --resume completes {}",
                                               error.what(), run.out.string()));
    }
    if (result.is_helper) return;
    progress.clear();
    std::fflush(stdout);
    tell_outcome(result, run, arguments.quiet);
}

void add_subject_options(CLI::App& command, ExplainArguments& arguments) {
    batch::RunOptions& run = arguments.run;
    const std::string what = "What is explained";
    repeatable(
        command.add_option("-M,--method", arguments.methods,
                           "Method of explanation (`locus methods` lists them), or several: a,b; may be given again. "
                           "auto (default): cam where it is defined, else the best that applies"))
        ->transform(in_any_case())
        ->type_name("NAME")
        ->group(what);
    command
        .add_option("-l,--layer", run.explainer.layer,
                    "Target layer, by its tensor's name (default: found; `locus inspect` lists them)")
        ->type_name("TENSOR")
        ->group(what);
    repeatable(
        command.add_option(
            "-c,--class", run.classes,
            "Class: an index, a label, or top:K for the K best; may be given again, -c 251 -c 252 (default: top:1)"))
        ->type_name("C")
        ->group(what);
    add_image_input(command, run.explainer.input)->group(what);
    add_score_output(command, run.explainer.output)->group(what);
    add_feeds(command, arguments.feeds)->group(what);
}

void add_output_options(CLI::App& command, ExplainArguments& arguments) {
    batch::RunOptions& run = arguments.run;
    const std::string shown = "What is written";
    command
        .add_option("-t,--threshold", run.boxes.threshold,
                    "Boxes: share of the map's maximum above which a pixel is in, from 0 to below 1")
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(shown);
    command.add_option("--components", arguments.components, "Boxes: round the largest piece, or round all")
        ->capture_default_str()
        ->transform(in_any_case())
        ->check(CLI::IsMember({"largest", "all"}))
        ->type_name("WHICH")
        ->group(shown);
    command
        .add_option("-s,--save", arguments.save,
                    "List of overlay,heatmap,mask,map,boxes,report; or none (default: overlay,map,boxes,report). "
                    "results.json is always written")
        ->transform(in_any_case())
        ->type_name("LIST")
        ->group(shown);
    command.add_option("--colormap", run.overlay.colormap, fmt::format("One of {}", fmt::join(colormap_names(), ", ")))
        ->capture_default_str()
        ->transform(in_any_case())
        ->type_name("NAME")
        ->group(shown);
    command.add_option("--alpha", run.overlay.alpha, "Opacity of the heat")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0))
        ->type_name("A")
        ->group(shown);
    command.add_flag("--signed", run.overlay.is_signed, "Diverging colours: evidence against the class is shown too")
        ->group(shown);
    command
        .add_option("--decompose", run.explainer.parts,
                    "Also a picture of the N feature maps that add most to the map (cam)")
        ->check(CLI::Range(1, 64))
        ->type_name("N")
        ->group(shown);
    command.add_flag("--json", arguments.json, "Each photo's results as one line of JSON on standard output")
        ->group(shown);
}

void add_run_options(CLI::App& command, ExplainArguments& arguments) {
    batch::RunOptions& run = arguments.run;
    const std::string how = "How it runs";
    command
        .add_option("-b,--batch", run.batch, "Inputs a pass of the network (default: the model's own number, else 1)")
        ->check(CLI::Range(1, 4096))
        ->type_name("N")
        ->group(how);
    add_threads(command, run.threads)->group(how);
    command.add_option("--device", arguments.device, "cpu or cuda")
        ->capture_default_str()
        ->transform(in_any_case())
        ->check(CLI::IsMember({"cpu", "cuda"}))
        ->type_name("D")
        ->group(how);
    command.add_option("--memory", arguments.memory, "Memory that batches of perturbed inputs may take")
        ->capture_default_str()
        ->type_name("AMOUNT")
        ->group(how);
    command.add_option("--seed", run.explainer.seed, "Seed of the methods that draw random numbers")
        ->capture_default_str()
        ->check(whole_number())
        ->type_name("N")
        ->group(how);
    auto* resume =
        command
            .add_flag("--resume", run.resume, "Complete the run in OUT: what is not done, or of which files are gone")
            ->group(how);
    command.add_flag("--overwrite", run.overwrite, "Begin anew in OUT, whatever is there")
        ->excludes(resume)
        ->group(how);
    command.add_flag("-q,--quiet", arguments.quiet, "Errors only")->group(how);
    command.add_flag("-v,--verbose", arguments.verbose, "Method, layer and model too")->group(how);
}

}  // namespace

void add_explain(CLI::App& app) {
    auto arguments = std::make_shared<ExplainArguments>();
    CLI::App& command = *app.add_subcommand(
        "explain", "Show where a classifier looks: maps, boxes, pictures and a report for each photo");
    command.footer(
        "OUT holds results.json, maps/*.npy, overlays/*, boxes.csv, boxes.coco.json and report.html (docs/formats.md). "
        "If OUT holds a finished\n"
        "run, it is replaced, unless no input exists; if it holds an unfinished one, --resume completes it and "
        "--overwrite begins anew; if it "
        "holds anything else,\n"
        "nothing is done without --overwrite, and then only what has the name of a result is replaced.\n\n"
        "Examples:\n"
        "  locus explain -m resnet50.onnx photos/                     a folder, the best class of each photo\n"
        "  locus explain -m resnet50.onnx cat.jpg -c top:3 -c tabby   the three best classes, and tabby\n"
        "  locus explain -m resnet50.onnx x.npy --save map            preprocessed numbers, to compare with another "
        "tool\n"
        "  locus explain -m resnet50.onnx cat.jpg -M cam,layer-cam    two methods, shared passes\n"
        "  find . -name '*.png' | locus explain -m m.onnx - --json    paths from standard input, results as JSON "
        "lines");
    batch::RunOptions& run = arguments->run;

    command
        .add_option(
            "INPUT", arguments->inputs,
            "Pictures, folders (walked; pictures and arrays are told by their endings, what is hidden is left out), "
            "globs, .npy arrays (float32 [C,H,W] or [N,C,H,W], preprocessed already), or - for paths on "
            "standard input. Of an animation or a file of several pages the first picture is read; transparent pixels "
            "are "
            "laid on white (docs/inputs.md)")
        ->required()
        ->type_name("");
    add_model_option(command, "-m,--model", arguments->model);
    command.add_option("-o,--out", run.out, "Folder for the results")->capture_default_str()->type_name("DIR");

    add_subject_options(command, *arguments);
    add_output_options(command, *arguments);
    arguments->preprocessing.add_to(command);
    add_sample_bits(command, run.sample_bits)->group(PreprocessingOptions::help_group);
    arguments->method.add_to(command);
    add_run_options(command, *arguments);
    command.callback([arguments] {
        const cluster::Cluster cluster = cluster::Cluster::join();
        on_rank(cluster, [&] { explain(*arguments, cluster); });
    });
}

}  // namespace locus::command
