// The command `locus train`: an executable of its own, since loading LibTorch takes longer than explaining a photo.

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string>

#include <malloc.h>

#include <CLI/CLI.hpp>

#include "arguments.hpp"
#include "locus/error.hpp"
#include "standard_streams.hpp"
#include "stop_signals.hpp"
#include "train/options.hpp"
#include "usage_errors.hpp"

namespace {

std::atomic<bool> interrupted{false};

void on_signal(int signal) {
    // The second time at once; but a closed terminal is often told twice, by the shell and by the kernel.
    if (interrupted.exchange(true) && signal != SIGHUP) std::_Exit(130);
}

int fail(const std::string& sentence, int code) {
    locus::command::say("locus: error: {}\n", sentence);
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace locus;
    command::reserve_standard_streams();
    // Activations are some megabytes each: taken from the system and given back every time, their pages cost a tenth of
    // the run.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);

    command::Arguments arguments;
    CLI::App app("Trains a network from image labels and writes it as ONNX.", "locus train");
    arguments.add_to(app);
    command::refuse_empty_values(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return app.exit(success);  // help, printed
    } catch (const CLI::ParseError& error) {
        return fail(command::usage_sentence(app, "locus train", error), 2);
    }
    command::handle_stop_signals(on_signal);
    try {
        train::TrainOptions options = arguments.options();
        options.interrupted = &interrupted;
        options.say = [](const std::string& line) { command::say("{}\n", line); };
        const train::TrainOutcome outcome = train::train(options);
        if (!outcome.finished) {
            command::say("locus: stopped; the same command with --resume goes on.\n");
            return 130;
        }
    } catch (const Error& error) {
        return fail(error.what(), error.kind() == ErrorKind::usage ? 2 : 1);
    } catch (const std::bad_alloc&) {
        return fail("memory does not suffice", 1);
    } catch (const std::exception& error) {
        return fail(error.what(), 1);
    }
    return 0;
}
