#include "dataset/box_list.hpp"

#include <cmath>

#include <fmt/format.h>

#include "dataset/csv.hpp"
#include "locus/error.hpp"

namespace locus::dataset {

std::span<const Box> BoxList::of(std::string_view name) const {
    const auto found = boxes.find(std::string(name));
    if (found == boxes.end()) return {};
    return found->second;
}

BoxList read_box_list(const std::filesystem::path& file) {
    const Csv csv = read_csv(file);
    const std::size_t path = csv.column("path");
    const std::size_t columns[4] = {csv.column("x0"), csv.column("y0"), csv.column("x1"), csv.column("y1")};
    BoxList list;
    for (std::size_t row = 0; row < csv.rows.size(); ++row) {
        int corner[4];
        for (int i = 0; i < 4; ++i) {
            const double value = csv.number(row, columns[i]);
            if (std::abs(value) > 1e9) {
                throw Error(ErrorKind::io,
                            fmt::format("{}, line {}: {} is no pixel.", file.string(), csv.lines[row], value));
            }
            corner[i] = static_cast<int>(std::lround(value));
        }
        if (corner[2] < corner[0] || corner[3] < corner[1]) {
            throw Error(ErrorKind::io,
                        fmt::format("{}, line {}: the box of '{}' ends before it begins (x0 <= x1 and y0 <= y1 "
                                    "is right).",
                                    file.string(), csv.lines[row], csv.rows[row][path]));
        }
        list.boxes[csv.rows[row][path]].push_back(
            {corner[0], corner[1], corner[2] - corner[0] + 1, corner[3] - corner[1] + 1});
    }
    return list;
}

}  // namespace locus::dataset
