#include "model/onnx_file.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "locus/error.hpp"

namespace fs = std::filesystem;
namespace model = locus::model;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST(OnnxFile, EverySharedModelComesBackFromItsOwnBytes) {
    const fs::path shared(LOCUS_SHARED);
    if (!fs::exists(shared / "models")) GTEST_SKIP() << "no shared models here";
    int count = 0;
    for (const char* folder : {"models", "goldens"}) {
        for (const auto& entry : fs::directory_iterator(shared / folder)) {
            if (entry.path().extension() != ".onnx") continue;
            const model::Model read = model::load(entry.path());
            const std::string bytes = model::serialize(read);
            EXPECT_EQ(bytes, model::serialize(model::parse(bytes_of(bytes)))) << entry.path();
            EXPECT_EQ(read.opset(), 13) << entry.path();  // as the folder's README says
            ++count;
        }
    }
    EXPECT_GT(count, 0);
}
