#include "train/data/photo_store.hpp"

#include <gtest/gtest.h>

#include <new>

#include "color_photos.hpp"

namespace locus::train {
namespace {

TEST(PhotoStore, WhatAThreadThrowsReachesTheCaller) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program where memory does not suffice";
#endif
    test::ScratchFolder folder;
    test::write_colors(folder, "train", 1);
    const dataset::Sample huge{"red/0.bmp", folder / "train/red/0.bmp", 0, std::uint64_t{1} << 62U, {0}};
    for (const int threads : {1, 3}) {
        PhotoStore store(std::vector(8, huge), {.threads = threads});
        EXPECT_THROW(store.fill(), std::bad_alloc) << threads;
    }
}

}  // namespace
}  // namespace locus::train
