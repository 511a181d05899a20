#pragma once

/// One step of a run: some inputs through decoding, the network, boxes and pictures.

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "batch/item_source.hpp"
#include "batch/outcome.hpp"
#include "batch/run.hpp"
#include "report/report_html.hpp"

namespace locus::batch {

/// Carries inputs through all of it, a batch at a time. May be called from several threads at once. What it is given
/// must outlive it.
class Worker {
public:
    Worker(const RunOptions& options, const std::vector<InputItem>& inputs, const Explainer& explainer,
           const std::vector<ClassRequest>& classes, const RunObserver& observer, const std::atomic<bool>& stop);

    /// What came of each of these inputs, by their indices; nothing where the run was stopped before all had been through
    /// the network. Inputs that fail are outcomes too; throws Error(io) where OUT takes no more, which concerns all inputs.
    std::vector<Outcome> explain(const std::vector<std::size_t>& indices) const;

private:
    /// What the network said of one input, or why it said nothing.
    struct Answer {
        std::vector<Explanation> explanations;
        std::string failure;  ///< empty where there are explanations
    };

    std::vector<Outcome> done(const std::vector<std::size_t>& indices) const;
    std::vector<Answer> ask(const Tensor& inputs) const;  // one an item
    int preview_side(std::size_t index) const;
    bool needs_pictures() const;
    Outcome finished(std::size_t index, Source source, std::vector<Explanation> explanations) const;
    Outcome failed(std::size_t index, const std::string& why) const;

    const RunOptions& options_;
    const std::vector<InputItem>& inputs_;
    const Explainer& explainer_;
    const std::vector<ClassRequest>& classes_;
    const RunObserver& observer_;
    const std::atomic<bool>& stop_;
    report::PreviewPlan previews_;
};

}  // namespace locus::batch
