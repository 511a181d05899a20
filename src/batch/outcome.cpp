#include "batch/outcome.hpp"

#include <utility>

#include "cluster/message.hpp"

namespace locus::batch {

std::string packed(const std::vector<Outcome>& outcomes) {
    std::vector<std::string> parts;
    for (const Outcome& o : outcomes) {
        parts.push_back(
            cluster::pack({std::to_string(o.index), o.line, o.description, o.warning, o.has_16_bits ? "16" : ""}));
        if (o.failure)
            parts.back() =
                cluster::pack({std::to_string(o.index), o.line, "", "", "", o.failure->file, o.failure->error});
    }
    return cluster::pack(parts);
}

std::vector<Outcome> unpacked(const std::string& text) {
    std::vector<Outcome> outcomes;
    for (const std::string& part : cluster::unpack(text)) {
        std::vector<std::string> fields = cluster::unpack(part);
        Outcome& o =
            outcomes.emplace_back(Outcome{std::stoul(fields.at(0)), fields.at(1), fields.at(2), fields.at(3), {}});
        o.has_16_bits = !fields.at(4).empty();
        if (fields.size() == 7) o.failure = report::Failure{fields[5], fields[6]};
    }
    return outcomes;
}

InOrder::InOrder(const RunObserver& observer, const report::RunJournal& journal)
    : observer_(observer), journal_(journal), earlier_(journal.inputs()), journal_before_(journal.done()) {
    for (std::size_t i = 0; i < earlier_.size(); ++i) earlier_[i] = journal.contains(i);
    skip_earlier();
}

void InOrder::put(Outcome outcome) {
    waiting_.emplace(outcome.index, std::move(outcome));
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
        tell_first();
        ++next_;
        skip_earlier();
    }
    if (observer_.progress) observer_.progress(++told_ + journal_before_, journal_.inputs());
}

void InOrder::put_rest() {
    while (!waiting_.empty()) tell_first();
}

void InOrder::tell_first() {
    const Outcome& first = waiting_.begin()->second;
    if (first.failure && observer_.failure) observer_.failure(*first.failure);
    if (!first.warning.empty() && observer_.warning) observer_.warning(first.warning);
    if (!first.failure && observer_.image) observer_.image(first.description);
    waiting_.erase(waiting_.begin());
}

void InOrder::skip_earlier() {
    while (next_ < journal_.inputs() && earlier_[next_]) ++next_;
}

}  // namespace locus::batch
