/// The command: parses, calls the library, prints. One file a subcommand.

#include <malloc.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.hpp"
#include "locus/error.hpp"
#include "locus/version.hpp"
#include "runtime/session.hpp"
#include "standard_streams.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"
#include "usage_errors.hpp"

namespace {

std::vector<std::string> subcommand_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* subcommand : app.get_subcommands({})) names.push_back(subcommand->get_name());
    return names;
}

/// What to say of arguments that cannot be read, of the subcommand's where one was named.
std::string unreadable(const CLI::App& app, const CLI::ParseError& error) {
    for (const CLI::App* command : app.get_subcommands())
        return locus::command::usage_sentence(*command, "locus " + command->get_name(), error);
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
        return fmt::format("a subcommand is needed, one of {}; `locus --help` says what they do",
                           fmt::join(subcommand_names(app), ", "));
    return error.what();
}

/// Pictures and tensors of every photo take the same few megabytes again: memory is kept, not handed back to the kernel
/// to be cleared and faulted in anew. Its pages are small ones: of a virtual machine that hands free memory back to its
/// host, large ones are dear to get again (docs/performance.md).
void keep_freed_memory() {
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

int fail(const char* sentence, int code) {
    locus::command::say("locus: error: {}\n", sentence);
    return code;
}

/// The exit code of a command that has said what it had to say.
int finish_output() {
    std::fflush(stdout);
    return std::ferror(stdout) == 0
               ? locus::command::success
               : fail("standard output could not be written to its end", locus::command::job_failed);
}

}  // namespace

int locus::command::tell(const Error& error) {
    return fail(error.what(), error.kind() == ErrorKind::usage ? wrong_usage : job_failed);
}

int main(int argc, char** argv) {
    using namespace locus;
    command::reserve_standard_streams();
    keep_freed_memory();
    CLI::App app{
        "Locus shows where an image classifier looks: class activation maps, boxes and reports for any ONNX "
        "classifier."};
    app.name("locus");
    app.set_version_flag("--version",
                         [] { return fmt::format("locus {} (ONNX Runtime {})", version, runtime::runtime_version()); });
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    app.footer(
        "`locus SUBCOMMAND --help` explains each. Values that come from a list (methods, colormaps, rgb, nchw) may be "
        "in capitals. Exit codes: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted.");
    command::add_explain(app);
    command::add_inspect(app);
    command::add_evaluate(app);
    command::add_check(app);
    command::add_annotate(app);
    command::add_build(app);
    command::add_train(app);
    command::add_methods(app);
    command::add_export(app);
    for (CLI::App* subcommand : app.get_subcommands({})) command::refuse_empty_values(*subcommand);

    try {
        const auto names = subcommand_names(app);
        if (argc > 1 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end()) {
            throw Error(ErrorKind::usage, fmt::format("there is no subcommand {}{}", text::quote(argv[1]),
                                                      text::did_you_mean(argv[1], names)));
        }
        app.parse(argc, argv);
        return finish_output();
    } catch (const CLI::Success& success) {
        app.exit(success);  // help or version, printed
        std::cout.flush();
        return finish_output();
    } catch (const CLI::ParseError& error) {
        return fail(unreadable(app, error).c_str(), command::wrong_usage);
    } catch (const command::Exit& exit) {
        return std::max<int>(exit.code, finish_output());
    } catch (const Error& error) {
        return command::tell(error);
    } catch (const std::bad_alloc&) {
        return fail("memory does not suffice", command::job_failed);
    } catch (const std::exception& error) {
        return fail(error.what(), command::job_failed);
    }
}
