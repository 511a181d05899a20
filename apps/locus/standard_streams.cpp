#include "standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace locus::command {

void reserve_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) >= 0) continue;
        // The least free number, this one's. For reading, so that writes still fail and are noticed.
        [[maybe_unused]] const int opened = ::open("/dev/null", O_RDONLY);
    }
}

}  // namespace locus::command
