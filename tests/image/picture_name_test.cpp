#include "image/picture_name.hpp"

#include <gtest/gtest.h>

namespace locus::image {
namespace {

TEST(PictureName, EndsAsPicturesDoInEitherCase) {
    for (const char* name :
         {"a.jpg", "a.JPEG", "a.jpe", "a.jfif", "a.png", "b/a.WebP", "a.tif", "a.tiff", "a.gif", "a.bmp"})
        EXPECT_TRUE(is_picture_name(name)) << name;
    for (const char* name : {"a.npy", "a", "jpg", "a.jpg.txt", ""}) EXPECT_FALSE(is_picture_name(name)) << name;
}

TEST(PictureName, IsNotHidden) {
    EXPECT_FALSE(is_picture_name("photos/._cat.jpg"));
    EXPECT_TRUE(is_picture_name(".photos/cat.jpg"));
    EXPECT_FALSE(is_hidden("."));
    EXPECT_FALSE(is_hidden(".."));
    EXPECT_TRUE(is_hidden("photos/.cache"));
}

}  // namespace
}  // namespace locus::image
