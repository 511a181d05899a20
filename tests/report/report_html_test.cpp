#include "report/report_html.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "locus/overlay.hpp"
#include "report/results_json.hpp"
#include "sample_run.hpp"
#include "support/scratch_folder.hpp"
#include "text/base64.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

std::string page_of(const std::vector<ImageRecord>& images, const std::vector<Failure>& failures = {}) {
    const test::ScratchFolder folder;
    ReportWriter report(folder / "report.html");
    for (const ImageRecord& image : images) report.image(image_json(image), report_maps(image), "cHJldmlldw==");
    for (const Failure& failure : failures) report.failure(failure_json(failure));
    report.commit(sample_run());
    return test::contents(folder / "report.html");
}

// The contents of the elements that begin with `tag`.
std::vector<std::string> elements(const std::string& page, const std::string& tag) {
    std::vector<std::string> found;
    for (std::size_t at = page.find(tag); at != std::string::npos; at = page.find(tag, at + 1)) {
        const std::size_t start = at + tag.size();
        found.push_back(page.substr(start, page.find("</script>", start) - start));
    }
    return found;
}

const std::string image_tag = "<script type=\"application/json\" class=\"image\">";
const std::string run_tag = "<script type=\"application/json\" id=\"run\">";
const std::string failure_tag = "<script type=\"application/json\" class=\"failure\">";

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

// The examples of RFC 4648, section 10.
TEST(Base64, GivesTheStandardsExamples) {
    EXPECT_EQ(text::base64(bytes_of("")), "");
    EXPECT_EQ(text::base64(bytes_of("f")), "Zg==");
    EXPECT_EQ(text::base64(bytes_of("fo")), "Zm8=");
    EXPECT_EQ(text::base64(bytes_of("foo")), "Zm9v");
    EXPECT_EQ(text::base64(bytes_of("foobar")), "Zm9vYmFy");
    EXPECT_EQ(text::base64(bytes_of("\xff\xfe\xfd")), "//79");
}

TEST(ReportHtml, HoldsEachImagesEntryOfResultsAndItsMaps) {
    const std::string page = page_of({sample_image(), sample_image("b.jpg")});
    const auto found = elements(page, image_tag);
    ASSERT_EQ(found.size(), 2U);
    const Json second = Json::parse(found[1]);
    EXPECT_EQ(second["image"], Json::parse(image_json(sample_image("b.jpg"))));
    // -1, 2, 3 and 4 as little-endian float32.
    EXPECT_EQ(second["maps"], Json::parse(R"(["AACAvwAAAEAAAEBAAACAQA=="])"));
    EXPECT_EQ(elements(page, "class=\"preview\">"), (std::vector<std::string>{"cHJldmlldw==", "cHJldmlldw=="}));
}

TEST(ReportHtml, TellsOfTheRunAndBringsTheLibrarysColours) {
    const Json run = Json::parse(elements(page_of({sample_image()}, {{"x", "y"}}), run_tag).at(0));
    EXPECT_EQ(run["run"]["layer"], "features");
    EXPECT_EQ(run["counts"].dump(), R"({"shown":1,"images":1,"failures":1,"unfinished":false})");
    ASSERT_EQ(run["colormaps"].size(), colormap_names().size());
    EXPECT_EQ(run["colormaps"]["gray"].get<std::string>().substr(0, 12), "AAAAAQEBAgIC");
    for (const Json& name : run["diverging"]) EXPECT_TRUE(run["colormaps"].contains(name.get<std::string>())) << name;
}

TEST(ReportHtml, OpensWithTheRunsColoursAndOpacity) {
    const test::ScratchFolder folder;
    RunRecord run = sample_run();
    run.colormap = "viridis";
    run.opacity = 0.8;
    ReportWriter report(folder / "report.html");
    report.commit(run);
    const Json data = Json::parse(elements(test::contents(folder / "report.html"), run_tag).at(0));
    EXPECT_EQ(data["view"].dump(), R"({"colormap":"viridis","opacity":0.8})");
}

TEST(ReportHtml, NothingFromOutsideEndsAnElement) {
    ImageRecord image = sample_image("<script>alert(1)</script>.jpg");
    image.explanations[0].explanation.class_name = "</script><!-- <script>";
    const std::string plain = page_of({sample_image()}, {{"a", "b"}});
    const std::string hostile = page_of({image}, {{"</script>", "<!--"}});
    const auto count = [](const std::string& page, const std::string& what) { return elements(page, what).size(); };
    for (const char* what : {"<script", "</script>", "<!--"})
        EXPECT_EQ(count(hostile, what), count(plain, what)) << what;
    EXPECT_EQ(Json::parse(elements(hostile, image_tag).at(0))["image"]["file"], "<script>alert(1)</script>.jpg");
    EXPECT_EQ(Json::parse(elements(hostile, failure_tag).at(0))["file"], "</script>");
}

TEST(ReportHtml, AsksForNothingFromTheNetwork) {
    const std::string page = page_of({sample_image()});
    EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
    for (const char* what : {"http://", "https://", "src=\"", "<link", "@import", "url("})
        EXPECT_EQ(page.find(what), std::string::npos) << what;
}

TEST(ReportHtml, StopsAtItsSizeLimitAndCountsTheRest) {
    const test::ScratchFolder folder;
    ReportWriter report(folder / "report.html");
    const std::string large(ReportWriter::size_limit / 3, 'A');
    for (int i = 0; i < 4; ++i) report.image(image_json(sample_image()), "[]", large);
    report.image(image_json(sample_image()), "[]", "small");
    report.commit(sample_run());
    const Json run = Json::parse(elements(test::contents(folder / "report.html"), run_tag).at(0));
    EXPECT_EQ(run["counts"]["shown"], 2);
    EXPECT_EQ(run["counts"]["images"], 5);
}

}  // namespace
}  // namespace locus::report
