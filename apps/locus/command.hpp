#pragma once

/// What the subcommands share: how they are registered, how they end, and what they print on.

#include <CLI/CLI.hpp>

#include <string>

#include "locus/error.hpp"

namespace locus::command {

/// Exit codes of the command.
enum ExitCode : int {
    success = 0,
    job_failed = 1,   ///< some input or the whole job failed
    wrong_usage = 2,  ///< the command line asks for something that cannot be
    interrupted = 130,
};

/// Thrown by a subcommand's callback to end with this code, everything having been said.
struct Exit {
    int code;
};

/// Says on standard error what went wrong; the exit code for it: wrong usage or a failed job.
int tell(const Error& error);

/// Each adds one subcommand to the command.
void add_evaluate(CLI::App& app);
void add_explain(CLI::App& app);
void add_export(CLI::App& app);
void add_inspect(CLI::App& app);
void add_annotate(CLI::App& app);
void add_build(CLI::App& app);
void add_check(CLI::App& app);
void add_train(CLI::App& app);
void add_methods(CLI::App& app);

}  // namespace locus::command
