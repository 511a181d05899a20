#pragma once

namespace locus::runtime {

/// The threads asked for, but no more than eight for each core of the machine: more wait for each other instead of
/// working, and thousands take minutes to start. 0, one a core, stays 0. Throws Error(usage) for less.
int bounded_threads(int asked);

}  // namespace locus::runtime
