/// Photos that show several things at once.

#include <cmath>

#include <gtest/gtest.h>

#include "color_photos.hpp"
#include "locus/explainer.hpp"
#include "support/scratch_folder.hpp"
#include "train/options.hpp"

namespace locus::train {
namespace {

TEST(MultiLabel, TheWrittenNetworkEndsInASigmoid) {
    const test::ScratchFolder folder;
    test::write_colors(folder, "train", 6);
    std::string table = "path,labels\n";
    for (int i = 0; i < 6; ++i) {
        const std::string number = std::to_string(i);
        table += "train/red/" + number + ".bmp,red;warm\ntrain/blue/" + number + ".bmp,blue\n";
    }
    folder.write("table.csv", table);
    TrainOptions options;
    options.data = {folder / "table.csv"};
    options.network = "tiny";
    options.width = 0.1;
    options.image_size = 16;
    options.epochs = 1;
    options.batch = 6;
    options.engine_threads = 1;
    options.output = folder / "several.onnx";
    const TrainOutcome outcome = train(options);
    ASSERT_TRUE(outcome.finished);
    EXPECT_GT(outcome.history.back().train_top1, 0);  // of the photos whose best class is one of theirs

    const Explainer explainer(options.output, {.threads = 1});
    const Image photo = read_image(folder / "train/red/0.bmp");
    const auto explanations = explainer.explain(photo, {.classes = {ClassRequest::top(3)}});
    ASSERT_EQ(explanations.size(), 3U);
    for (const Explanation& e : explanations) {
        ASSERT_TRUE(e.probability);
        EXPECT_NEAR(*e.probability, 1 / (1 + std::exp(-e.logit)), 1e-6);
    }
}

}  // namespace
}  // namespace locus::train
