#include <fmt/core.h>

int main() {
    fmt::print(stderr, "locus: error: no subcommand yet\n");
    return 2;
}
