/// The course of a training as files: log.csv, classes.csv, localization.csv and training.html.

#include "train/training_log.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "color_photos.hpp"
#include "dataset/csv.hpp"
#include "train/training_page.hpp"

namespace locus::train {
namespace {

using test::bytes_of;
using testing::HasSubstr;
using testing::Not;

/// Two epochs, of which the second was validated.
std::vector<EpochRecord> two_epochs() {
    EpochRecord first{.epoch = 1, .size = 48, .learning_rate = 0.2, .train_loss = 1.5, .train_top1 = 0.25};
    first.seconds = 12.5;
    first.images_per_second = 80;
    first.waited = 0.5;
    EpochRecord second = first;
    second.epoch = 2;
    second.size = 64;
    second.learning_rate = 0.05;
    second.train_loss = 0.5;
    second.loss = 0.75;
    second.top1 = 0.625;
    second.top5 = 1;
    second.localization = 0.4375;
    return {first, second};
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

TEST(TrainingLog, HasARowAnEpochAndNothingWhereNothingWasMeasured) {
    const test::ScratchFolder folder;
    write_log(two_epochs(), folder / "log.csv");
    EXPECT_EQ(bytes_of(folder / "log.csv"),
              "epoch,size,learning_rate,train_loss,train_top1,loss,top1,top5,localization,seconds,images_per_second,"
              "waited\n"
              "1,48,0.2,1.5,0.25,,,,,12.500,80.0,0.50000\n"
              "2,64,0.05,0.5,0.25,0.75,0.625,1,0.4375,12.500,80.0,0.50000\n");
}

TEST(TrainingLog, ComesBackFromACheckpointAsItWas) {
    const std::vector<EpochRecord> back = records_from_json(to_json(two_epochs()));
    ASSERT_EQ(back.size(), 2U);
    EXPECT_EQ(to_json(back), to_json(two_epochs()));
    EXPECT_FALSE(back[0].localization.has_value());
    EXPECT_EQ(back[1].localization, 0.4375);
}

TEST(TrainingLog, LinesNameWhatWasMeasured) {
    const auto history = two_epochs();
    EXPECT_EQ(describe(history[0], 2),
              "epoch 1/2 (48 px): training loss 1.5000, 25.0 % right; 12 s, 80 images/s, waited 50.00 %");
    EXPECT_THAT(describe(history[1], 2),
                HasSubstr("; validation loss 0.7500, top-1 62.50 %, top-5 100.00 %, GT-known localization 43.75 %; "));
}

TEST(TrainingLog, NamesOfClassesReadBackWhateverIsInThem) {
    const test::ScratchFolder folder;
    const std::vector<std::string> classes{"plain", "a, b", "say \"cheese\"", "two\nlines", "old Mac\rline", ""};
    ValidationResult result;
    result.class_images = {4, 2, 1, 1, 1, 0};
    result.class_right = {3, 1, 1, 0, 1, 0};
    write_validation(result, classes, folder.path());
    EXPECT_THAT(bytes_of(folder / "classes.csv"), HasSubstr("\"old Mac\rline\""));  // RFC 4180, section 2.6
    const dataset::Csv csv = dataset::read_csv(folder / "classes.csv");
    EXPECT_THAT(csv.header, testing::ElementsAre("class", "images", "right", "top1"));
    ASSERT_EQ(csv.rows.size(), classes.size());
    for (std::size_t c = 0; c < classes.size(); ++c) EXPECT_EQ(csv.rows[c][0], classes[c]);
    EXPECT_EQ(csv.number(0, csv.column("top1")), 0.75);
    EXPECT_EQ(csv.number(5, csv.column("top1")), 0);
    EXPECT_FALSE(std::filesystem::exists(folder / "localization.csv"));
}

TEST(TrainingLog, LocalizationIsWrittenByThreshold) {
    const test::ScratchFolder folder;
    ValidationResult result;
    result.localization = 0.5;
    result.localization_at[4] = 0.5;
    result.localization_at[6] = 0.625;
    write_validation(result, {}, folder.path());
    const dataset::Csv csv = dataset::read_csv(folder / "localization.csv");
    ASSERT_EQ(csv.rows.size(), threshold_count);
    EXPECT_EQ(csv.number(4, csv.column("threshold")), 0.2);
    EXPECT_EQ(csv.number(6, csv.column("localization")), 0.625);
    EXPECT_THAT(describe(result), HasSubstr("50.00 % at 20 % of the map, 62.50 % at the best threshold, 30 %."));
}

TEST(TrainingPage, DrawsWhatWasMeasured) {
    const std::string page = training_page(two_epochs(), 4, "tiny on 30 photos");
    EXPECT_THAT(page, HasSubstr("<h1>Training of tiny on 30 photos</h1>"));
    EXPECT_EQ(count_of(page, "<figure>"), 4U);  // loss, accuracy, localization, images a second
    // Dots: training's loss, top-1 and pace in both epochs, validation's loss, top-1, top-5 and localization in one.
    EXPECT_EQ(count_of(page, "<circle"), 10U);
    EXPECT_THAT(page, HasSubstr("<title>epoch 2: 62.5</title>"));
    EXPECT_THAT(page, HasSubstr("<title>epoch 1: 1.5</title>"));
    EXPECT_EQ(count_of(page, "<tr><td>"), 2U);
    EXPECT_THAT(page, HasSubstr("<tr><td>1<td>48<td>0.2000<td>1.5000<td>25.00 %<td><td><td><td><td>12<td>50.00 %"));
    EXPECT_THAT(page, HasSubstr("<tr><td>2<td>64<td>0.0500<td>0.5000<td>25.00 %<td>0.75<td>62.50 %<td>100.00 %<td>"));
}

TEST(TrainingPage, LeavesOutChartsOfWhatWasNeverMeasured) {
    auto history = two_epochs();
    history.resize(1);
    const std::string page = training_page(history, 1, "tiny");
    EXPECT_EQ(count_of(page, "<figure>"), 3U);
    EXPECT_THAT(page, Not(HasSubstr("GT-known")));
    EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(TrainingPage, TitlesAreTextAndNothingElse) {
    const std::string page = training_page(two_epochs(), 2, "<b>\"it's\" & co</b>");
    EXPECT_EQ(count_of(page, "&lt;b&gt;&quot;it&#39;s&quot; &amp; co&lt;/b&gt;"), 2U);  // title and heading
    EXPECT_THAT(page, Not(HasSubstr("<b>")));
}

}  // namespace
}  // namespace locus::train
