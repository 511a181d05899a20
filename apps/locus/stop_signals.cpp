#include "stop_signals.hpp"

#include <csignal>
#include <initializer_list>

namespace locus::command {

void handle_stop_signals(void (*handler)(int)) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
        std::signal(signal, handler);
    }
}

}  // namespace locus::command
