#include "localize/level_events.hpp"

#include <algorithm>
#include <utility>

#include "localize/mountains.hpp"

namespace locus::localize {
namespace {

/// Mountains of a row, and the number of its first among those of the map.
struct NumberedRow {
    Mountains mountains;
    std::uint32_t first = 0;

    std::uint32_t number(int mountain) const { return first + static_cast<std::uint32_t>(mountain); }
    std::uint32_t number_at(int x) const { return number(mountains.mountain_of(x)); }
};

/// Walks down the rows of a map.
class EventReader {
public:
    explicit EventReader(const LevelMap& map)
        : map_(map),
          padded_((static_cast<std::size_t>(map.width) + 63) / 64 * 64),
          common_(padded_),
          flags_(padded_),
          rising_(padded_, 1) {}

    Events read(Connectivity connectivity, Surroundings surroundings) {
        for (int y = 0; y < map_.height; ++y) {
            add_mountains(y);
            if (y > 0) {
                link_with_row_above(y);
                if (connectivity == Connectivity::eight) link_diagonals(y);
                add_columns_that_fall(y);
            }
            std::swap(above_, here_);
        }
        std::copy_n(rising_.begin(), map_.width, flags_.begin());
        add_columns(map_.height - 1);
        if (surroundings == Surroundings::one_component) link_outside();
        events_.links.sort();
        events_.columns.sort();
        return std::move(events_);
    }

private:
    void link(std::uint32_t a, std::uint32_t b, std::uint8_t level) {
        if (level > 0) events_.links.add({a, b, level});
    }

    /// Those of a row are born at their peaks, and meet along it at the valleys between them.
    void add_mountains(int y) {
        const std::uint8_t* row = map_.row(y);
        here_.mountains.assign(row, map_.width);
        here_.first = static_cast<std::uint32_t>(events_.peaks.size());
        here_.mountains.each_peak([&](int mountain, int x) {
            events_.peaks.push_back({static_cast<std::uint16_t>(x), static_cast<std::uint16_t>(y)});
            link(here_.number(mountain), here_.number(mountain), row[x]);
        });
        here_.mountains.each_valley(
            [&](int mountain, int x) { link(here_.number(mountain), here_.number(mountain) + 1, row[x]); });
    }

    /// Two rows are joined best at the peaks of the lesser of their values.
    void link_with_row_above(int y) {
        const std::uint8_t *row = map_.row(y), *upper = map_.row(y - 1);
        std::uint8_t* const common = common_.data();
        const int width = map_.width;  // a local: bytes that are written might be a member's
        for (int x = 0; x < width; ++x) common[x] = std::min(upper[x], row[x]);
        passes_.assign(common, width);
        passes_.each_peak([&](int, int x) { link(above_.number_at(x), here_.number_at(x), common[x]); });
    }

    /// Of four pixels, two across from each other may be higher than the other two: a saddle, which only a diagonal
    /// joins.
    void link_diagonals(int y) {
        const std::uint8_t *row = map_.row(y), *upper = map_.row(y - 1);
        std::uint8_t* const saddle = flags_.data();
        const int width = map_.width;
        for (int x = 0; x + 1 < width; ++x) {
            const std::uint8_t falling_low = std::min(upper[x], row[x + 1]),
                               falling_high = std::max(upper[x], row[x + 1]);
            const std::uint8_t rising_low = std::min(upper[x + 1], row[x]),
                               rising_high = std::max(upper[x + 1], row[x]);
            saddle[x] =
                static_cast<std::uint8_t>((falling_low > rising_high ? 1 : 0) | (rising_low > falling_high ? 1 : 0));
        }
        saddle[width - 1] = 0;
        each_flag(saddle, width, [&](int x) {
            const std::uint8_t falling_low = std::min(upper[x], row[x + 1]),
                               rising_low = std::min(upper[x + 1], row[x]);
            const int left_up = falling_low > rising_low ? 1 : 0;  // the pixel above lies to the left of the one below
            link(above_.number_at(x + 1 - left_up), here_.number_at(x + left_up), std::max(falling_low, rising_low));
        });
    }

    /// Columns whose peak, going down, was the row above.
    void add_columns_that_fall(int y) {
        const std::uint8_t *row = map_.row(y), *upper = map_.row(y - 1);
        std::uint8_t *const flags = flags_.data(), *const rising = rising_.data();
        const int width = map_.width;  // a local, as above
        for (int x = 0; x < width; ++x) {
            const std::uint8_t fell = row[x] < upper[x] ? 1 : 0;
            const std::uint8_t rose = row[x] > upper[x] ? 1 : 0;
            flags[x] = fell & rising[x];
            rising[x] = static_cast<std::uint8_t>((rising[x] & (fell ^ 1)) | rose);
        }
        add_columns(y - 1);
    }

    /// Of row y, whose mountains are `above_`, the flagged columns.
    void add_columns(int y) {
        const std::uint8_t* row = map_.row(y);
        each_flag(flags_.data(), map_.width, [&](int x) {
            if (row[x] > 0) events_.columns.add({above_.number_at(x), static_cast<std::uint16_t>(x), row[x]});
        });
    }

    /// The first and the last mountain of a row reach its ends at the values there; those of the first and the last row
    /// touch the edge at their peaks.
    void link_outside() {
        const auto mountains = static_cast<std::uint32_t>(events_.peaks.size());
        events_.outside = mountains;
        events_.peaks.push_back({0, 0});
        std::uint32_t i = 0;
        for (int y = 0; y < map_.height; ++y) {
            const std::uint8_t* row = map_.row(y);
            const bool is_edge = y == 0 || y == map_.height - 1;
            const std::uint32_t begin = i;
            for (; i < mountains && events_.peaks[i].y == y; ++i)
                if (is_edge) link(i, events_.outside, row[events_.peaks[i].x]);
            link(begin, events_.outside, row[0]);
            link(i - 1, events_.outside, row[map_.width - 1]);
        }
    }

    LevelMap map_;
    std::size_t padded_;  ///< the width, to the next multiple of 64: what Mountains and each_flag may read
    std::vector<std::uint8_t> common_;  ///< the lesser of two rows
    std::vector<std::uint8_t> flags_;
    std::vector<std::uint8_t> rising_;  ///< 1: the column has not fallen since it last rose
    NumberedRow above_, here_;
    Mountains passes_;
    Events events_;
};

}  // namespace

Events events_of(const LevelMap& map, Connectivity connectivity, Surroundings surroundings) {
    return EventReader(map).read(connectivity, surroundings);
}

}  // namespace locus::localize
