#include "stop_signals.hpp"

#include <array>
#include <csignal>
#include <cstddef>

namespace locus::command {
namespace {

constexpr std::array stop_signals{SIGINT, SIGTERM, SIGHUP};

/// Of stop_signals, which the caller has us ignore.
std::array<bool, stop_signals.size()> ignored_at_start{};

void note_ignored(int, char**, char**) {
    for (std::size_t i = 0; i < stop_signals.size(); ++i) {
        struct sigaction before {};
        ignored_at_start[i] = ::sigaction(stop_signals[i], nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    }
}

// Before the constructors of all libraries: those that Open MPI 5 loads handle signals of their own from there on,
// whatever the caller said.
[[gnu::section(".preinit_array"), gnu::used]] void (*const noted_before_libraries)(int, char**, char**) = note_ignored;

}  // namespace

void handle_stop_signals(void (*handler)(int)) {
    for (std::size_t i = 0; i < stop_signals.size(); ++i)
        std::signal(stop_signals[i], ignored_at_start[i] ? SIG_IGN : handler);
}

}  // namespace locus::command
