#include "interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "command.hpp"
#include "locus/error.hpp"
#include "stop_signals.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

std::atomic<bool> stop_requested{false};
std::array<char, 1024> last_words{};  // a signal handler may write, but not make texts
std::size_t last_words_size = 0;

void on_interrupt(int signal) {
    const int kept = errno;
    stop_requested = true;
    std::signal(signal, SIG_DFL);   // first: whatever becomes of the words, a second one ends the process
    std::signal(SIGPIPE, SIG_IGN);  // who read them may have had the Ctrl-C as well
    constexpr std::string_view words =
        "\nlocus: stopping after the network's passes in work; a second Ctrl-C stops at once\n";
    if (signal == SIGINT) [[maybe_unused]]
        const auto written = ::write(STDERR_FILENO, words.data(), words.size());
    errno = kept;
}

void on_interrupt_of_rank(int) {
    if (last_words_size > 0) [[maybe_unused]]
        const auto written = ::write(STDERR_FILENO, last_words.data(), last_words_size);
    ::_exit(interrupted);
}

}  // namespace

const std::atomic<bool>& stop_on_interrupt(const cluster::Cluster& cluster, const std::filesystem::path& out) {
    const bool alone = cluster.size() == 1;
    if (cluster.rank() < 2) {  // where rank 0 is the one that died, rank 1 says it; not every one of a thousand
        const std::string words = fmt::format(
            "locus: rank {} was stopped (Ctrl-C, or another rank died: see mpirun's message); the same command with "
            "--resume completes {}\n",
            cluster.rank(), text::to_utf8(out.string()));
        last_words_size = words.copy(last_words.data(), last_words.size());
    }
    std::signal(SIGPIPE, SIG_IGN);
    handle_stop_signals(alone ? on_interrupt : on_interrupt_of_rank);
    return stop_requested;
}

void on_rank(const cluster::Cluster& cluster, const std::function<void()>& job) {
    if (cluster.size() == 1) return job();
    try {
        job();
    } catch (const Error& error) {
        if (cluster.rank() == 0) throw Exit{tell(error)};
        throw Exit{error.kind() == ErrorKind::usage ? wrong_usage : job_failed};
    }
}

}  // namespace locus::command
