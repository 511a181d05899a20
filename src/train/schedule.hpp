#pragma once

/// What changes as training proceeds: the learning rate and the size of the photos.
///
///     train::Schedule schedule{.shape = train::Schedule::Shape::one_cycle, .peak = 0.2};
///     schedule.learning_rate(0.25);      // progress is a share of the whole, 0..1

#include <string>
#include <vector>

namespace locus::train {

struct Schedule {
    enum class Shape {
        one_cycle,  ///< linear from peak / 25 to the peak over `warm_up`, then linear to nothing (Smith & Topin 2017)
        cosine,     ///< linear warm-up, then half a cosine to nothing (Loshchilov & Hutter 2017)
        constant,   ///< linear warm-up, then the peak
    };
    Shape shape = Shape::one_cycle;
    double peak = 0.1;
    double warm_up = 0.2;  ///< share of the whole

    double learning_rate(double progress) const;
};

/// The photos' size from some progress on.
struct SizeStep {
    double from = 0;  ///< progress, 0..1
    int size = 0;     ///< pixels
};

/// Small photos first: most of what there is to learn costs half as much at 48 pixels as at 64.
struct SizeSchedule {
    std::vector<SizeStep> steps;  ///< by rising `from`, the first 0

    int size(double progress) const;

    /// "48@0,56@0.6,64@0.8" or "64". Throws Error(usage).
    static SizeSchedule parse(const std::string& text);
};

}  // namespace locus::train
