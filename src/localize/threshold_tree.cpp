#include "localize/threshold_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include <fmt/core.h>

#include "localize/border_area.hpp"
#include "localize/level_events.hpp"
#include "locus/error.hpp"

namespace locus::localize {
namespace {

struct Component {
    std::uint32_t parent;  ///< itself, for a root
    std::uint32_t first;   ///< the least mountain: it holds the component's first pixel in reading order
    int left, top, right, bottom;
    int contour = -1;                      ///< its entry in ThresholdTree::contours that is still open
    std::int64_t twice_area_at_least = 0;  ///< as traced at a higher level
    bool touched = false;

    std::int64_t twice_area_at_most() const { return 2 * std::int64_t{right - left} * (bottom - top); }
};

/// The components of one level, which sinks from 255 to 1.
class Components {
public:
    explicit Components(const Events& events) : events_(events) {
        components_.resize(events.peaks.size());
        for (std::uint32_t i = 0; i < components_.size(); ++i) {
            const Peak peak = events.peaks[i];
            components_[i] = {i, i, peak.x, peak.y, peak.x, peak.y};
        }
    }

    Component& operator[](std::uint32_t i) { return components_[i]; }

    std::uint32_t root(std::uint32_t i) {
        while (components_[i].parent != i) {
            components_[i].parent = components_[components_[i].parent].parent;
            i = components_[i].parent;
        }
        return i;
    }

    /// Brings in what happens at `level`. born(root) for each new component; merged(kept, gone) before two become one;
    /// then changed(root) for each component that is new or reaches further, after all else.
    template <class Born, class Merged, class Changed>
    void sink_to(int level, Born born, Merged merged, Changed changed) {
        touched_.clear();
        for (const Link& link : events_.links.of(level)) {
            if (link.a != link.b) continue;
            born(link.a);
            touch(link.a);
        }
        for (const Link& link : events_.links.of(level)) {
            std::uint32_t kept = root(link.a), gone = root(link.b);
            if (kept == gone) continue;
            if (kept > gone) std::swap(kept, gone);
            merged(kept, gone);
            Component& a = components_[kept];
            const Component& b = components_[gone];
            a.left = std::min(a.left, b.left);
            a.top = std::min(a.top, b.top);
            a.right = std::max(a.right, b.right);
            a.bottom = std::max(a.bottom, b.bottom);
            a.first = std::min(a.first, b.first);
            a.twice_area_at_least = std::max(a.twice_area_at_least, b.twice_area_at_least);
            components_[gone].parent = kept;
            touch(kept);
        }
        for (const Column& column : events_.columns.of(level)) {
            const std::uint32_t i = root(column.mountain);
            Component& component = components_[i];
            if (column.x >= component.left && column.x <= component.right) continue;
            component.left = std::min<int>(component.left, column.x);
            component.right = std::max<int>(component.right, column.x);
            touch(i);
        }
        for (const std::uint32_t i : touched_) {
            components_[i].touched = false;
            if (components_[i].parent == i) changed(i);
        }
    }

private:
    void touch(std::uint32_t i) {
        if (components_[i].touched) return;
        components_[i].touched = true;
        touched_.push_back(i);
    }

    const Events& events_;
    std::vector<Component> components_;
    std::vector<std::uint32_t> touched_;
};

/// Keeps one open entry of `contours` for each component, and closes it when the component's box changes.
class ContourLog {
public:
    ContourLog(std::vector<ContourBox>& contours, Components& components, bool holes)
        : contours_(contours), components_(components), holes_(holes) {}

    /// `level` is the threshold t. Outer contours come with t sinking, holes with t rising.
    void changed(std::uint32_t i, int level) {
        Component& c = components_[i];
        const int grown = holes_ ? 1 : 0;  // a hole's contour runs through the pixels round it
        const ContourBox box{c.left - grown, c.top - grown, c.right + grown, c.bottom + grown, level, level, holes_};
        if (c.contour >= 0) {
            const ContourBox& open = contours_[static_cast<std::size_t>(c.contour)];
            if (open.left == box.left && open.top == box.top && open.right == box.right && open.bottom == box.bottom)
                return;
            close(i, level);
        }
        c.contour = static_cast<int>(contours_.size());
        contours_.push_back(box);
    }

    /// The component is not there any more at threshold `level`.
    void close(std::uint32_t i, int level) {
        Component& c = components_[i];
        if (c.contour < 0) return;
        ContourBox& open = contours_[static_cast<std::size_t>(c.contour)];
        if (holes_) {
            open.highest = level - 1;
        } else {
            open.lowest = level + 1;
        }
        c.contour = -1;
    }

private:
    std::vector<ContourBox>& contours_;
    Components& components_;
    bool holes_;
};

/// The map with a frame of zeros, for following borders.
class Framed {
public:
    Framed(const std::uint8_t* pixels, int width, int height)
        : stride_(width + 2), pixels_(static_cast<std::size_t>(stride_) * (static_cast<std::size_t>(height) + 2)) {
        for (std::ptrdiff_t y = 0; y < height; ++y)
            std::copy_n(pixels + y * width, width, pixels_.data() + (y + 1) * stride_ + 1);
    }

    /// Twice the contour area of the component above `level` whose first mountain peaks here.
    std::int64_t twice_area(const Peak& peak, int level) const {
        const std::uint8_t* first = pixels_.data() + (peak.y + std::ptrdiff_t{1}) * stride_ + peak.x + 1;
        while (first[-1] > level) --first;
        return twice_border_area(first, stride_, level);
    }

private:
    std::ptrdiff_t stride_;
    std::vector<std::uint8_t> pixels_;
};

/// Finds the largest of the living components, tracing as few borders as it can.
class Largest {
public:
    Largest(const Events& events, Components& components, const Framed& framed)
        : events_(events), components_(components), framed_(framed) {}

    void born(std::uint32_t i) { living_.push_back(i); }

    std::uint32_t at(int level) {
        std::erase_if(living_, [&](std::uint32_t i) { return components_[i].parent != i; });
        if (living_.size() == 1) return living_[0];

        std::uint32_t best = living_[0];
        for (const std::uint32_t i : living_) {
            if (beats(components_[i].twice_area_at_least, i, components_[best].twice_area_at_least, best)) best = i;
        }
        // Areas only grow as the level sinks, so what was traced before bounds them from below, and the box from above.
        if (!contested(best)) return best;
        trace(best, level);
        std::vector<std::uint32_t>& rivals = rivals_;
        rivals.clear();
        for (const std::uint32_t i : living_) {
            if (i != best && may_beat(i, best)) rivals.push_back(i);
        }
        std::sort(rivals.begin(), rivals.end(), [&](std::uint32_t a, std::uint32_t b) {
            return components_[a].twice_area_at_most() > components_[b].twice_area_at_most();
        });
        for (const std::uint32_t i : rivals) {
            if (!may_beat(i, best)) continue;
            trace(i, level);
            if (beats(components_[i].twice_area_at_least, i, components_[best].twice_area_at_least, best)) best = i;
        }
        return best;
    }

private:
    bool beats(std::int64_t area, std::uint32_t i, std::int64_t other_area, std::uint32_t other) {
        return area != other_area ? area > other_area : components_[i].first > components_[other].first;
    }
    bool may_beat(std::uint32_t i, std::uint32_t best) {
        return beats(components_[i].twice_area_at_most(), i, components_[best].twice_area_at_least, best);
    }
    bool contested(std::uint32_t best) {
        return std::any_of(living_.begin(), living_.end(),
                           [&](std::uint32_t i) { return i != best && may_beat(i, best); });
    }
    void trace(std::uint32_t i, int level) {
        Component& c = components_[i];
        c.twice_area_at_least = framed_.twice_area(events_.peaks[c.first], level);
    }

    const Events& events_;
    Components& components_;
    const Framed& framed_;
    std::vector<std::uint32_t> living_, rivals_;
};

void find_components(std::span<const std::uint8_t> pixels, int width, int height, ThresholdTree& tree) {
    const Events events = events_of({pixels.data(), width, height}, Connectivity::eight, Surroundings::nothing);
    const Framed framed(pixels.data(), width, height);
    Components components(events);
    Largest largest(events, components, framed);
    ContourLog log(tree.contours, components, false);
    std::array<bool, 256> occurs{};
    for (const std::uint8_t value : pixels) occurs[value] = true;

    tree.largest.fill(-1);
    for (int value = tree.maximum; value > 0; --value) {
        const int level = value - 1;  // pixels > level are those >= value
        if (!occurs[static_cast<std::size_t>(value)]) {
            tree.largest[static_cast<std::size_t>(level)] = tree.largest[static_cast<std::size_t>(level) + 1];
            continue;
        }
        components.sink_to(
            value, [&](std::uint32_t i) { largest.born(i); },
            [&](std::uint32_t kept, std::uint32_t gone) {
                // The wider box is more likely that of the merged component: its entry may go on.
                Component& a = components[kept];
                Component& b = components[gone];
                if (b.contour >= 0 && (a.contour < 0 || b.twice_area_at_most() > a.twice_area_at_most())) {
                    std::swap(a.contour, b.contour);
                }
                log.close(gone, level);
            },
            [&](std::uint32_t i) { log.changed(i, level); });
        tree.largest[static_cast<std::size_t>(level)] = components[largest.at(level)].contour;
    }
    // What is still open is there down to level 0, which is where `lowest` must say so.
    for (std::uint32_t i = 0; i < events.peaks.size(); ++i) {
        if (components[i].parent == i) log.close(i, -1);
    }
}

void find_holes(std::span<const std::uint8_t> pixels, int width, int height, ThresholdTree& tree) {
    std::vector<std::uint8_t> inverted(pixels.size());
    std::transform(pixels.begin(), pixels.end(), inverted.begin(),
                   [](std::uint8_t v) { return static_cast<std::uint8_t>(255 - v); });
    const Events events = events_of({inverted.data(), width, height}, Connectivity::four, Surroundings::one_component);
    Components components(events);
    ContourLog log(tree.contours, components, true);
    for (int level = 0; level < tree.maximum; ++level) {
        components.sink_to(
            255 - level, [](std::uint32_t) {},
            [&](std::uint32_t kept, std::uint32_t gone) {
                Component& a = components[kept];
                Component& b = components[gone];
                const std::uint32_t outside = components.root(events.outside);
                if (kept == outside || gone == outside) {
                    log.close(kept, level);
                } else if (b.contour >= 0 && (a.contour < 0 || b.twice_area_at_most() > a.twice_area_at_most())) {
                    std::swap(a.contour, b.contour);
                }
                log.close(gone, level);
            },
            [&](std::uint32_t i) {
                if (i != components.root(events.outside)) log.changed(i, level);
            });
    }
    const std::uint32_t outside = components.root(events.outside);
    for (std::uint32_t i = 0; i < events.peaks.size(); ++i) {
        if (components[i].parent == i && i != outside) log.close(i, tree.maximum);
    }
}

}  // namespace

ThresholdTree threshold_tree(std::span<const std::uint8_t> pixels, int width, int height) {
    constexpr int limit = std::numeric_limits<std::int16_t>::max();
    if (width < 1 || height < 1 || width > limit || height > limit ||
        pixels.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
        throw Error(ErrorKind::usage, fmt::format("a map of {} x {} with {} pixels cannot be thresholded: sides must "
                                                  "be 1 to {} and every position needs a "
                                                  "value",
                                                  width, height, pixels.size(), limit));
    }
    ThresholdTree tree;
    tree.maximum = *std::max_element(pixels.begin(), pixels.end());
    tree.largest.fill(-1);
    if (tree.maximum == 0) return tree;
    find_components(pixels, width, height, tree);
    find_holes(pixels, width, height, tree);
    return tree;
}

}  // namespace locus::localize
