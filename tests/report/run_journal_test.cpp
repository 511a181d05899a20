#include "report/run_journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "error_of.hpp"
#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "sample_run.hpp"
#include "support/scratch_folder.hpp"

namespace fs = std::filesystem;

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

RunPlan plan_of(std::size_t inputs, const std::string& threshold = "0.2") {
    return {.settings = {{"model", std::string(64, 'a')}, {"--threshold", threshold}}, .inputs = inputs};
}

ImageRecord image_of(std::size_t i) {
    ImageRecord image = sample_image("photos/" + std::to_string(i) + ".jpg");
    image.explanations[0].explanation.logit = static_cast<double>(i) / 3;
    image.explanations[0].map_file = "maps/" + std::to_string(i) + ".npy";
    return image;
}

// As long as the map's numbers are at least.
std::string map_bytes(std::size_t i) {
    const Map& map = image_of(i).explanations[0].explanation.map;
    return std::string(static_cast<std::size_t>(map.width * map.height) * sizeof(float), static_cast<char>('a' + i));
}

// Image 3 is one that cannot be read.
void do_image(RunJournal& journal, const fs::path& out, std::size_t i) {
    if (i == 3) return journal.append(i, Failure{"photos/3.jpg", "is empty"});
    files::write_file_atomically(out / ("maps/" + std::to_string(i) + ".npy"), map_bytes(i));
    files::write_file_atomically(out / "overlays/0-cat.jpg", "overlay");
    const std::string preview = "jpeg " + std::to_string(i);
    journal.append(i, image_of(i), std::as_bytes(std::span(preview)));
}

std::map<std::string, std::string> tree(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) files[fs::relative(entry.path(), folder)] = test::contents(entry.path());
    return files;
}

std::map<std::string, std::string> whole_run(const fs::path& out, std::size_t inputs) {
    RunJournal journal = RunJournal::create(out, plan_of(inputs));
    for (std::size_t i = 0; i < inputs; ++i) do_image(journal, out, i);
    journal.finish(sample_run());
    return tree(out);
}

template <class Function> std::string refusal(Function function) {
    try {
        function();
        return "";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
        return error.what();
    }
}

TEST(RunJournal, FinishedRunLeavesItsOutputsAndItsSettings) {
    const test::ScratchFolder folder;
    const auto files = whole_run(folder / "out", 5);
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) names.push_back(name);
    EXPECT_EQ(names, (std::vector<std::string>{".locus/run.json", "boxes.coco.json", "boxes.csv", "maps/0.npy",
                                               "maps/1.npy", "maps/2.npy", "maps/4.npy", "overlays/0-cat.jpg",
                                               "report.html", "results.json"}));
    const Json results = Json::parse(files.at("results.json"));
    ASSERT_EQ(results["images"].size(), 4U);
    EXPECT_EQ(results["images"][3]["file"], "photos/4.jpg");
    EXPECT_EQ(results["failed"], Json::parse(R"([{"file": "photos/3.jpg", "error": "is empty"}])"));
    EXPECT_FALSE(results.contains("unfinished"));
    EXPECT_EQ(inspect_out(folder / "out"), OutState::finished);
}

TEST(RunJournal, OutputsAreInTheOrderOfTheInputsHoweverTheyCame) {
    const test::ScratchFolder folder;
    const auto expected = whole_run(folder / "a", 5);
    RunJournal journal = RunJournal::create(folder / "b", plan_of(5));
    for (const std::size_t i : {4U, 0U, 3U, 2U, 1U}) do_image(journal, folder / "b", i);
    journal.finish(sample_run());
    EXPECT_EQ(tree(folder / "b"), expected);
}

// Any length of the journal is a moment at which the process may have been killed: those about the ends of lines, and
// some between.
TEST(RunJournal, ResumedAfterAKillAtAnyByteEndsTheSame) {
    const test::ScratchFolder folder;
    const std::size_t inputs = 5;
    const auto expected = whole_run(folder / "whole", inputs);
    std::string journal_bytes;
    {
        RunJournal journal = RunJournal::create(folder / "killed", plan_of(inputs));
        for (std::size_t i = 0; i < inputs; ++i) do_image(journal, folder / "killed", i);
        journal_bytes = test::contents(journal_path(folder / "killed"));
    }
    std::size_t most_done = 0;
    std::set<std::size_t> lengths{0, 1, journal_bytes.size()};
    for (std::size_t i = 0; i < journal_bytes.size(); ++i) {
        if (i % 97 == 50) lengths.insert(i);
        if (journal_bytes[i] == '\n') lengths.insert({i - 1, i, i + 1, i + 2});
    }
    for (const std::size_t length : lengths) {
        const fs::path out = folder / "resumed";
        fs::remove_all(out);
        test::put(journal_path(out), journal_bytes.substr(0, length));
        test::put(out / "maps/.locus-part-1-2", "torn");
        for (std::size_t i = 0; i < inputs; ++i)  // its files were whole before its line was
            if (i != 3) test::put(out / ("maps/" + std::to_string(i) + ".npy"), map_bytes(i));
        test::put(out / "overlays/0-cat.jpg", "overlay");
        RunJournal journal = RunJournal::resume(out, plan_of(inputs));
        most_done = std::max(most_done, journal.done());
        for (std::size_t i = 0; i < inputs; ++i)
            if (!journal.contains(i)) do_image(journal, out, i);
        journal.finish(sample_run());
        ASSERT_EQ(tree(out), expected) << "killed after " << length << " bytes";
    }
    EXPECT_GE(most_done, 4U);
}

TEST(RunJournal, ALineThatWasDamagedEndsWhatIsTrusted) {
    const test::ScratchFolder folder;
    {
        RunJournal journal = RunJournal::create(folder / "out", plan_of(4));
        for (std::size_t i = 0; i < 3; ++i) do_image(journal, folder / "out", i);
    }
    std::string bytes = test::contents(journal_path(folder / "out"));
    bytes[bytes.find("photos/1.jpg") + 7] = '9';
    test::put(journal_path(folder / "out"), bytes);
    const RunJournal journal = RunJournal::resume(folder / "out", plan_of(4));
    EXPECT_TRUE(journal.contains(0));
    EXPECT_FALSE(journal.contains(1));
    EXPECT_FALSE(journal.contains(2));
}

TEST(RunJournal, ResumeRefusesOtherSettingsAndNamesThem) {
    const test::ScratchFolder folder;
    { RunJournal::create(folder / "begun", plan_of(4)); }
    whole_run(folder / "finished", 4);
    for (const char* name : {"begun", "finished"}) {
        const fs::path out = folder / name;
        EXPECT_NE(refusal([&] { RunJournal::resume(out, plan_of(4, "0.3")); }).find("--threshold is 0.3 and was 0.2"),
                  std::string::npos);
        RunPlan other = plan_of(4);
        other.settings[0].second = std::string(64, 'b');
        EXPECT_NE(refusal([&] { RunJournal::resume(out, other); }).find("model has changed"), std::string::npos);
        EXPECT_NE(refusal([&] { RunJournal::resume(out, plan_of(5)); }).find("5 inputs and were 4"), std::string::npos);
        other = plan_of(4);
        other.settings.pop_back();
        EXPECT_NE(refusal([&] { RunJournal::resume(out, other); }).find("--threshold is no longer given"),
                  std::string::npos);
        other = plan_of(4);
        other.report = false;
        EXPECT_NE(refusal([&] { RunJournal::resume(out, other); }), "");
        EXPECT_EQ(refusal([&] { RunJournal::resume(out, plan_of(4)); }), "");
    }
}

TEST(RunJournal, ResumeOfAFinishedRunHasNothingToDo) {
    const test::ScratchFolder folder;
    const auto files = whole_run(folder / "out", 4);
    RunJournal journal = RunJournal::resume(folder / "out", plan_of(4));
    EXPECT_TRUE(journal.is_complete());
    EXPECT_EQ(journal.done(), 4U);
    EXPECT_TRUE(journal.contains(2));
    journal.finish(sample_run());
    EXPECT_EQ(tree(folder / "out"), files);
}

TEST(RunJournal, AnImageWhoseFilesAreGoneIsNotDone) {
    const test::ScratchFolder folder;
    const auto expected = whole_run(folder / "whole", 5);
    {
        RunJournal journal = RunJournal::create(folder / "out", plan_of(5));
        for (const std::size_t i : {0U, 1U, 3U, 4U}) do_image(journal, folder / "out", i);
    }
    // Twice: what was made again is gone again, and its image has two lines.
    for (int round = 0; round < 2; ++round) {
        fs::remove(folder / "out/maps/1.npy");
        RunJournal journal = RunJournal::resume(folder / "out", plan_of(5));
        EXPECT_EQ(journal.done(), 3U);
        EXPECT_EQ(journal.failed(), 1U);
        EXPECT_FALSE(journal.contains(1));
        EXPECT_TRUE(journal.contains(4));
        do_image(journal, folder / "out", 1);
    }
    RunJournal journal = RunJournal::resume(folder / "out", plan_of(5));
    EXPECT_EQ(journal.done(), 4U);
    do_image(journal, folder / "out", 2);
    journal.finish(sample_run());
    EXPECT_EQ(tree(folder / "out"), expected);
}

TEST(RunJournal, OfAFinishedRunTheFilesThatAreGoneAreMadeAgain) {
    const test::ScratchFolder folder;
    const auto expected = whole_run(folder / "out", 6);
    fs::remove(folder / "out/maps/2.npy");
    fs::remove(folder / "out/maps/4.npy");  // behind the one that failed
    {
        RunJournal journal = RunJournal::resume(folder / "out", plan_of(6));
        EXPECT_EQ(journal.done(), 4U);
        EXPECT_EQ(journal.failed(), 1U);
        for (const std::size_t i : {0U, 1U, 3U, 5U}) EXPECT_TRUE(journal.contains(i)) << i;
        for (const std::size_t i : {2U, 4U}) {
            ASSERT_FALSE(journal.contains(i)) << i;
            do_image(journal, folder / "out", i);
        }
        EXPECT_EQ(journal.done(), 6U);
        journal.finish(sample_run());
    }
    EXPECT_EQ(tree(folder / "out"), expected);
    for (const char* output : {"report.html", "boxes.csv"}) {
        fs::remove(folder / "out" / output);
        EXPECT_NE(refusal([&] { RunJournal::resume(folder / "out", plan_of(6)); }).find(output), std::string::npos);
    }
}

TEST(RunJournal, ResumeWithoutARunBeginsOne) {
    const test::ScratchFolder folder;
    const RunJournal journal = RunJournal::resume(folder / "new", plan_of(4));
    EXPECT_EQ(journal.done(), 0U);
    EXPECT_EQ(inspect_out(folder / "new"), OutState::unfinished);
}

TEST(RunJournal, AStoppedRunHasOutputsAndGoesOn) {
    const test::ScratchFolder folder;
    const auto expected = whole_run(folder / "whole", 5);
    {
        RunJournal journal = RunJournal::create(folder / "out", plan_of(5));
        do_image(journal, folder / "out", 0);
        do_image(journal, folder / "out", 3);
        journal.interrupt(sample_run());
    }
    const Json results = Json::parse(test::contents(folder / "out/results.json"));
    EXPECT_EQ(results["images"].size(), 1U);
    EXPECT_EQ(results["failed"].size(), 1U);
    EXPECT_EQ(results["unfinished"]["done"], 2);
    RunJournal journal = RunJournal::resume(folder / "out", plan_of(5));
    EXPECT_EQ(journal.done(), 2U);
    EXPECT_EQ(journal.failed(), 1U);
    for (const std::size_t i : {1U, 2U, 4U}) do_image(journal, folder / "out", i);
    journal.finish(sample_run());
    EXPECT_EQ(tree(folder / "out"), expected);
}

TEST(RunJournal, CannotBeFinishedWithAnImageMissing) {
    const test::ScratchFolder folder;
    RunJournal journal = RunJournal::create(folder / "out", plan_of(2));
    do_image(journal, folder / "out", 0);
    EXPECT_NE(refusal([&] { journal.finish(sample_run()); }).find("image 2 of 2"), std::string::npos);
    EXPECT_NE(refusal([&] { do_image(journal, folder / "out", 0); }), "") << "twice";
    EXPECT_NE(refusal([&] { do_image(journal, folder / "out", 2); }), "") << "beyond the inputs";
}

TEST(RunJournal, EndsWhereItsFolderIsTakenAway) {
    const test::ScratchFolder folder;
    const fs::path out = folder / "out";
    for (const bool moved : {false, true}) {
        RunJournal journal = RunJournal::create(out, plan_of(3));
        do_image(journal, out, 0);
        if (moved) {
            fs::rename(out, folder / "elsewhere");
            RunJournal::create(out, plan_of(3));  // another run's journal stands there now
        } else {
            fs::remove_all(out);
        }
        EXPECT_TRUE(
            test::error_of([&] { do_image(journal, out, 1); }).starts_with("io: " + out.string() + " was removed"));
        EXPECT_TRUE(test::error_of([&] { journal.interrupt(sample_run()); }).starts_with("io: "));
        EXPECT_FALSE(fs::exists(out / "results.json"));
        fs::remove_all(out);
    }
    EXPECT_EQ(RunJournal::resume(folder / "elsewhere", plan_of(3)).done(), 1U) << "what was moved is whole";
}

TEST(RunJournal, IsNotFinishedWhileFilesAreGone) {
    const test::ScratchFolder folder;
    const auto expected = whole_run(folder / "whole", 5);
    {
        RunJournal journal = RunJournal::create(folder / "out", plan_of(5));
        for (std::size_t i = 0; i < 5; ++i) do_image(journal, folder / "out", i);
        for (const char* map : {"out/maps/1.npy", "out/maps/4.npy"}) fs::remove(folder / map);
        EXPECT_TRUE(
            test::error_of([&] { journal.finish(sample_run()); }).starts_with("io: files of 2 of 5 images are gone"));
    }
    RunJournal journal = RunJournal::resume(folder / "out", plan_of(5));
    for (const std::size_t i : {1U, 4U}) do_image(journal, folder / "out", i);
    journal.finish(sample_run());
    EXPECT_EQ(tree(folder / "out"), expected);
}

TEST(RunJournal, AnEarlierRunIsReplacedAndNothingElse) {
    const test::ScratchFolder folder;
    whole_run(folder / "out", 5);
    test::put(folder / "out/maps/mine.npy", "kept");
    test::put(folder / "out/notes.txt", "kept");
    RunJournal journal = RunJournal::create(folder / "out", plan_of(1, "0.5"));
    do_image(journal, folder / "out", 0);
    journal.finish(sample_run());
    const auto files = tree(folder / "out");
    EXPECT_TRUE(files.contains("maps/mine.npy"));
    EXPECT_TRUE(files.contains("notes.txt"));
    EXPECT_TRUE(files.contains("maps/0.npy"));
    EXPECT_FALSE(files.contains("maps/4.npy")) << "left over from the earlier run";
}

TEST(RunJournal, AnUnfinishedRunIsOverwrittenOnlyOnPurpose) {
    const test::ScratchFolder folder;
    {
        RunJournal journal = RunJournal::create(folder / "out", plan_of(3));
        do_image(journal, folder / "out", 2);
    }
    EXPECT_NE(refusal([&] { RunJournal::create(folder / "out", plan_of(3)); }).find("--resume"), std::string::npos);
    EXPECT_TRUE(fs::exists(folder / "out/maps/2.npy"));
    const RunJournal journal = RunJournal::create(folder / "out", plan_of(3), true);
    EXPECT_EQ(journal.done(), 0U);
    EXPECT_FALSE(fs::exists(folder / "out/maps/2.npy"));
}

TEST(RunJournal, ForeignFoldersAreRefusedOrSharedOnPurpose) {
    const test::ScratchFolder folder;
    test::put(folder / "out/thesis.tex", "years of work");
    EXPECT_EQ(inspect_out(folder / "out"), OutState::foreign);
    EXPECT_NE(refusal([&] { RunJournal::create(folder / "out", plan_of(1)); }), "");
    EXPECT_NE(refusal([&] { RunJournal::resume(folder / "out", plan_of(1)); }), "");
    EXPECT_FALSE(fs::exists(folder / "out/.locus"));
    RunJournal::create(folder / "out", plan_of(1), true);
    EXPECT_EQ(test::contents(folder / "out/thesis.tex"), "years of work");
    test::put(folder / "file", "");
    EXPECT_NE(refusal([&] { RunJournal::create(folder / "file", plan_of(1), true); }).find("is a file"),
              std::string::npos);
}

TEST(RunJournal, ASecondRunInTheSameFolderIsRefused) {
    const test::ScratchFolder folder;
    const RunJournal journal = RunJournal::create(folder / "out", plan_of(1));
    EXPECT_NE(refusal([&] { RunJournal::create(folder / "out", plan_of(1), true); }).find("another Locus"),
              std::string::npos);
    EXPECT_NE(refusal([&] { RunJournal::resume(folder / "out", plan_of(1)); }).find("another Locus"),
              std::string::npos);
}

TEST(RunJournal, FilesOutsideTheFolderAreNeverRemoved) {
    const test::ScratchFolder folder;
    test::put(folder / "victim.npy", "precious");
    test::put(folder / "elsewhere/a.npy", "precious");
    fs::create_directories(folder / "out/.locus");
    fs::create_directory_symlink(folder / "elsewhere", folder / "out/link");
    test::put(folder / "out/.locus/run.json", "{}");
    test::put(folder / "out/results.json",
              R"({"file":"a","explanations":[{"map":{"file":"../victim.npy"},"overlay":"link/a.npy"}]})"
              "\n"
              R"({"file":"a","explanations":[{"map":{"file":")" +
                  (folder / "victim.npy").string() +
                  R"("}}]})"
                  "\n"
                  R"({"file":"a","explanations":[7,{"map":3}]})"
                  "\n"
                  R"({"file":"a",)");
    remove_earlier_run(folder / "out");
    EXPECT_TRUE(fs::exists(folder / "victim.npy"));
    EXPECT_TRUE(fs::exists(folder / "elsewhere/a.npy"));
    EXPECT_FALSE(fs::exists(folder / "out/results.json"));
}

TEST(RunJournal, FoldersInThePlaceOfItsFilesAreNoRun) {
    const test::ScratchFolder folder;
    folder.write("out/.locus/journal/file", "not ours");
    folder.write("out/.locus/run.json/file", "not ours");
    const auto before = tree(folder / "out");
    remove_earlier_run(folder / "out");
    EXPECT_EQ(tree(folder / "out"), before);
    EXPECT_TRUE(
        test::error_of([&] { RunJournal::create(folder / "out", plan_of(1), true); }).starts_with("io: cannot write "));
}

TEST(RunJournal, AnOutFolderThatCannotBeIsRefusedInWords) {
    const test::ScratchFolder folder;
    const fs::path below = folder.write("file", "text") / "out", long_name = folder / std::string(300, 'x');
    for (const fs::path& out : {below, long_name}) {
        EXPECT_TRUE(test::error_of([&] { RunJournal::create(out, plan_of(1), true); }).starts_with("io: cannot "));
        EXPECT_TRUE(test::error_of([&] { RunJournal::resume(out, plan_of(1)); }).starts_with("io: cannot "));
    }
}

TEST(RunJournal, LargePlansAskForSmallerPreviews) {
    const test::ScratchFolder folder;
    EXPECT_EQ(RunJournal::create(folder / "a", plan_of(500)).preview_side(499), 512);
    EXPECT_EQ(RunJournal::create(folder / "b", plan_of(501)).preview_side(0), 256);
    const RunJournal large = RunJournal::create(folder / "c", plan_of(5000));
    EXPECT_EQ(large.preview_side(1999), 256);
    EXPECT_EQ(large.preview_side(2000), 0);
    RunPlan no_report = plan_of(5);
    no_report.report = false;
    EXPECT_EQ(RunJournal::create(folder / "d", no_report).preview_side(0), 0);
}

}  // namespace
}  // namespace locus::report
