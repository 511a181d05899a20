#pragma once

/// What happens to the connected components of a map while the level sinks from 255 to 1: where they are born, and
/// which of them meet. One reading of the map finds it all (threshold_tree.hpp says how).
///
///     const localize::Events events = localize::events_of({pixels, 224, 224}, Connectivity::eight,
///                                                         Surroundings::nothing);
///     for (const localize::Link& link : events.links.of(level)) { ... }

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace locus::localize {

/// Two mountains (see mountains.hpp) are connected from this level downwards; a mountain "linked" with itself is born.
struct Link {
    std::uint32_t a, b;
    std::uint8_t level;
};

/// From this level downwards the component of the mountain reaches the column.
struct Column {
    std::uint32_t mountain;
    std::uint16_t x;
    std::uint8_t level;
};

struct Peak {
    std::uint16_t x, y;
};

template <class Event> class ByLevel {
public:
    void add(const Event& event) {
        events_.push_back(event);
        ++start_[event.level + 1U];
    }
    /// After the last is added, before the first is asked for.
    void sort() {
        for (std::size_t v = 0; v < 256; ++v) start_[v + 1] += start_[v];
        auto next = start_;
        std::vector<Event> sorted(events_.size());
        for (const Event& event : events_) sorted[next[event.level]++] = event;
        events_.swap(sorted);
    }
    std::span<const Event> of(int level) const {
        const auto v = static_cast<std::size_t>(level);
        return std::span<const Event>(events_).subspan(start_[v], start_[v + 1] - start_[v]);
    }

private:
    std::vector<Event> events_;
    std::array<std::uint32_t, 257> start_{};  ///< events of level v are start_[v] ... start_[v + 1] - 1
};

struct Events {
    std::vector<Peak> peaks;  ///< of the mountains, in reading order
    ByLevel<Link> links;
    ByLevel<Column> columns;
    std::uint32_t outside = 0;  ///< the number of the one component round the map, where there is one
};

/// A map of bytes, [height, width].
struct LevelMap {
    const std::uint8_t* pixels;
    int width, height;

    const std::uint8_t* row(int y) const {
        return pixels + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    }
};

enum class Connectivity { four, eight };

/// What lies round the map: nothing, or one component with which all that touches the edge is connected.
enum class Surroundings { nothing, one_component };

/// Pixels of value 0 never belong to anything. Both sides at least 1, at most 32767.
Events events_of(const LevelMap& map, Connectivity connectivity, Surroundings surroundings);

}  // namespace locus::localize
