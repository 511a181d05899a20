#include "runtime/thread_count.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "error_of.hpp"

namespace locus::runtime {
namespace {

TEST(ThreadCount, IsAtMostEightACore) {
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    EXPECT_EQ(bounded_threads(1'000'000), 8 * cores);
    EXPECT_EQ(bounded_threads(8 * cores), 8 * cores);
    EXPECT_EQ(bounded_threads(1), 1);
    EXPECT_EQ(bounded_threads(0), 0);
}

TEST(ThreadCount, IsNotNegative) {
    EXPECT_EQ(test::error_of([] { bounded_threads(-1); }),
              "usage: -1 threads are not possible: 0, for one a core, or more");
}

}  // namespace
}  // namespace locus::runtime
