#include "train/training_plan.hpp"

#include <algorithm>

namespace locus::train {

double TrainingPlan::progress(std::int64_t step) const {
    const double rest = steps_left_ > 0 ? steps_left_ : static_cast<double>(total_ - anchor_step_);
    if (rest <= 0) return 1;
    return anchor_progress_ + (1 - anchor_progress_) * std::min(1.0, static_cast<double>(step - anchor_step_) / rest);
}

void TrainingPlan::follow_pace(std::int64_t step, double elapsed, double seconds) {
    const double passed = elapsed - pace_time_;
    if (passed < 15) return;
    const double pace = static_cast<double>(step - pace_step_) / passed;
    pace_ = pace_ == 0 ? pace : 0.85 * pace_ + 0.15 * pace;
    pace_time_ = elapsed;
    pace_step_ = step;
    anchor_progress_ = progress(step);
    anchor_step_ = step;
    const double planned = static_cast<double>(total_ - anchor_step_);
    steps_left_ = std::clamp(pace_ * (seconds - elapsed), 1.0, std::max(1.0, planned));
}

void TrainingPlan::replan(std::int64_t total, std::int64_t step) {
    if (total < total_) {
        anchor_progress_ = progress(step);
        anchor_step_ = step;
    } else if (total > total_) {
        anchor_progress_ = 0;
        anchor_step_ = 0;
    }
    total_ = total;
}

}  // namespace locus::train
