#include <locus/boxes.hpp>
#include <locus/version.hpp>

#include <cstdio>

/// One bright position of a 2 x 2 map: its box is the quarter above 20 % of it, and a little more for the
/// interpolation.
int main() {
    const locus::Map map{.width = 2, .height = 2, .values = {1, 0, 0, 0}};
    const auto found = locus::boxes(locus::upsample(map, 8, 8));
    std::printf("Locus %s: %zu box\n", locus::version, found.size());
    return found.size() == 1 && found[0].x == 0 && found[0].y == 0 ? 0 : 1;
}
