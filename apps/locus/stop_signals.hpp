#pragma once

/// The signals that ask a long run to stop.

namespace locus::command {

/// From now on SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is closed) go to `handler`. What the caller has us
/// ignore (nohup, a shell's background job) stays ignored.
void handle_stop_signals(void (*handler)(int));

}  // namespace locus::command
