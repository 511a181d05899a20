#pragma once

/// How far a training is: 0 at its start, 1 at its end, which learning rate and size of photos follow.
///
///     train::TrainingPlan plan(total_steps);
///     plan.progress(step);
///     plan.follow_pace(step, seconds, 3600);   // with a limit of time: the end comes when the time is up
///     plan.replan(other_total, step);          // resumed with another number of epochs

#include <cstdint>

namespace locus::train {

class TrainingPlan {
public:
    TrainingPlan() = default;
    explicit TrainingPlan(std::int64_t total) : total_(total) {}
    /// As a checkpoint has it.
    TrainingPlan(std::int64_t total, std::int64_t anchor_step, double anchor_progress)
        : total_(total), anchor_step_(anchor_step), anchor_progress_(anchor_progress) {}

    double progress(std::int64_t step) const;

    /// Plans the rest anew every quarter of a minute: as many steps as the pace allows in the time that is left, never
    /// more than were planned. `elapsed` is in seconds since the first call's run began.
    void follow_pace(std::int64_t step, double elapsed, double seconds);

    /// With another number of steps in all. Fewer: the learning rate goes on from where it is and reaches its end with
    /// the last one. More: from here on as if so many had been planned from the start, for a run at its end would not
    /// move else.
    void replan(std::int64_t total, std::int64_t step);

    /// This run goes on from `step`.
    void begin_at(std::int64_t step) { pace_step_ = step; }

    // Where the rest was last planned, and how far training was then: what a checkpoint keeps.
    std::int64_t anchor_step() const { return anchor_step_; }
    double anchor_progress() const { return anchor_progress_; }

private:
    std::int64_t total_ = 0, anchor_step_ = 0;
    double anchor_progress_ = 0;
    double steps_left_ = 0;  ///< from the anchor on, as the pace has it; 0: as planned
    std::int64_t pace_step_ = 0;
    double pace_time_ = 0, pace_ = 0;  ///< when it was last measured; steps a second
};

}  // namespace locus::train
