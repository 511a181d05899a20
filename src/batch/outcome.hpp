#pragma once

/// What came of an input, on its way from the worker that did it to the journal and to whoever watches.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "batch/run.hpp"
#include "report/results.hpp"
#include "report/run_journal.hpp"

namespace locus::batch {

struct Outcome {
    std::size_t index = 0;
    std::string line;         ///< of the journal
    std::string description;  ///< what the observer is told; empty for failures
    std::string warning;      ///< likewise; mostly empty
    std::optional<report::Failure> failure;
    bool has_16_bits = false;  ///< as image::Photo has it
};

/// Outcomes as a message between ranks, and back.
std::string packed(const std::vector<Outcome>& outcomes);
std::vector<Outcome> unpacked(const std::string& text);

/// Hands the observer its images in the order of the inputs, whatever order they are finished in. Not to be used by
/// several threads at once.
class InOrder {
public:
    /// Both must outlive it. What the journal holds already was told by an earlier run.
    InOrder(const RunObserver& observer, const report::RunJournal& journal);

    void put(Outcome outcome);

    /// What waits behind an input that the run was stopped at: it is in the journal, so that no later run tells it.
    void put_rest();

private:
    void tell_first();
    void skip_earlier();

    const RunObserver& observer_;
    const report::RunJournal& journal_;
    std::map<std::size_t, Outcome> waiting_;  ///< by index
    std::vector<bool> earlier_;               ///< whether an earlier run did the input
    std::size_t next_ = 0, told_ = 0, journal_before_ = 0;
};

}  // namespace locus::batch
