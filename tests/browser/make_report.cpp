// Writes a made-up run and what the page must find in it, for report.mjs:  make_report OUT [PHOTO...]
//
// OUT/report.html, OUT/results.json, … as `locus explain` would write them, and OUT/expected.json: for each image, each
// explanation and each threshold the boxes that the library finds. Maps are random bumps from a fixed seed. With photos
// (to look at the page), these are shown.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <random>

#include "locus/boxes.hpp"
#include "report/run_journal.hpp"

namespace {

using namespace locus;
using namespace locus::report;
using Json = nlohmann::ordered_json;

struct Case {
    std::string file;
    int width, height, map_width, map_height;
    Region region;
    int classes;
};

std::vector<Case> cases() {
    std::vector<Case> list{
        {"photos/one.jpg", 640, 480, 7, 7, {0, 0, 640, 480}, 3},
        {"photos/cropped, and odd.jpg", 333, 217, 5, 9, {81.25, 23.7, 170.5, 171.1}, 1},
        {"photos/tall.jpg", 97, 701, 14, 14, {0, 0, 97, 701}, 2},
        {"photos/twice.jpg", 120, 90, 7, 7, {0, 0, 120, 90}, 1},
        {"more/twice.jpg", 120, 90, 7, 7, {0, 0, 120, 90}, 1},
        {"photos/one pixel.png", 1, 1, 7, 7, {0, 0, 1, 1}, 1},
        {"<script>window.hacked=1</script>.jpg", 200, 150, 3, 3, {0, 0, 200, 150}, 2},
        {"batch.npy#0", 96, 96, 6, 6, {0, 0, 96, 96}, 1},
        {"photos/large.jpg", 4000, 3000, 14, 14, {500, 0, 3000, 3000}, 1},
        {"photos/smaller than its map.jpg", 9, 5, 28, 28, {0, 0, 9, 5}, 1},
    };
    std::mt19937 random(7);
    const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
    for (int i = 0; i < 20; ++i) {
        Case c{"more/" + std::to_string(i) + ".jpg",
               40 + below(400),
               40 + below(400),
               1 + below(20),
               1 + below(20),
               {},
               1 + i % 4};
        const double side = std::min(c.width, c.height) * 0.875;
        if (i % 3 == 0)
            c.region = {(c.width - side) / 2, (c.height - side) / 2, side, side};
        else
            c.region = {0, 0, static_cast<double>(c.width), static_cast<double>(c.height)};
        list.push_back(c);
    }
    list.push_back({"strips/upright.png", 1, 3000, 7, 7, {0, 0, 1, 3000}, 1});
    list.push_back({"strips/lying.png", 3000, 1, 7, 7, {0, 0, 3000, 1}, 1});
    return list;
}

Map bumps(int width, int height, std::mt19937& random) {
    Map map{width, height, std::vector<float>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height))};
    const auto uniform = [&] { return static_cast<double>(random() >> 8) / (1 << 24); };
    const double cx = uniform() * width, cy = uniform() * height, spread = 1 + uniform() * 5;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            map.at(x, y) = static_cast<float>(9 * std::exp(-(std::pow(x - cx, 2) + std::pow(y - cy, 2)) / spread) +
                                              3 * uniform() - 1.4);
    return map;
}

std::vector<std::byte> jpeg(const cv::Mat& picture, int side) {
    const double zoom = std::min(1.0, static_cast<double>(side) / std::max(picture.cols, picture.rows));
    const cv::Size size{std::max(1, cvRound(picture.cols * zoom)), std::max(1, cvRound(picture.rows * zoom))};
    cv::Mat small;
    cv::resize(picture, small, size, 0, 0, cv::INTER_AREA);
    std::vector<unsigned char> bytes;
    cv::imencode(".jpg", small, bytes, {cv::IMWRITE_JPEG_QUALITY, 85});
    const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
    return {data, data + bytes.size()};
}

cv::Mat gradient(int width, int height) {
    cv::Mat picture(height, width, CV_8UC3);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            picture.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<unsigned char>(60 + 120 * y / height), 120,
                                                    static_cast<unsigned char>(60 + 120 * x / width));
    return picture;
}

Json json_of(const std::vector<Box>& found) {
    Json list = Json::array();
    for (const Box& box : found) list.push_back({box.x, box.y, box.width, box.height, box.score});
    return list;
}

RunRecord run_record() {
    RunRecord run;
    run.model.file = "models/<b>made up</b>.onnx";
    run.model.sha256 = std::string(64, '7');
    run.model.pool = "mean";
    run.model.input = "input";
    run.model.output = "logits";
    run.model.classes = 1000;
    run.model.activation = "softmax";
    run.method = "cam";
    run.layer = "features/<i>relu</i>";
    run.warnings = {"A warning with </script><script>window.hacked=2</script> in it."};
    return run;
}

ExplanationRecord explanation(const Case& c, int rank, std::mt19937& random) {
    ExplanationRecord record;
    Explanation& e = record.explanation;
    e.map = bumps(c.map_width, c.map_height, random);
    if (c.file == "more/5.jpg")
        for (float& value : e.map.values) value = -std::abs(value) - 0.1F;
    if (c.file == "more/6.jpg") e.map.values[0] = std::numeric_limits<float>::quiet_NaN();
    if (c.file == "more/7.jpg")  // a plateau: many pixels exactly at the maximum and at a fifth of it
        for (float& value : e.map.values) value = value > 2 ? 5.0F : 1.0F;
    const auto [least, greatest] = std::minmax_element(e.map.values.begin(), e.map.values.end());
    if (c.file == "more/8.jpg") e.zero = *least;  // as of a method without a meaningful zero
    if (c.file == "more/9.jpg") {                 // and upside down
        e.zero = *greatest;
        e.sign = -1;
        e.sign_by = "evidence";
    }
    double mean = 0;
    record.map_min = record.map_max = e.map.values.back();
    for (const float value : e.map.values) {
        mean += value / static_cast<double>(e.map.values.size());
        record.map_min = std::min<double>(record.map_min, value);
        record.map_max = std::max<double>(record.map_max, value);
    }
    const char* const names[] = {"tabby, tabby cat", "golden retriever",
                                 "</script><img src=x onerror='window.hacked=3'>", "line\u2028separator & \"quotes\""};
    e.class_index = 280 + rank;
    e.class_name = names[(rank - 1) % 4];
    e.rank = rank;
    e.bias = -0.25 * rank;
    e.logit = mean + *e.bias;
    e.probability = (0.4 + static_cast<double>(random() % 100) / 180) / (1 << (rank - 1));
    e.note = c.file == "more/5.jpg" ? "no positive evidence" : "";
    record.method = "cam";
    record.layer = "features/<i>relu</i>";
    record.boxes = boxes(upsample(e.evidence(), c.width, c.height, c.region));
    return record;
}

// Boxes at five thresholds, those that the page's slider can be set to.
Json expected_boxes(const Map& evidence, const Case& c) {
    const Map full = upsample(evidence, c.width, c.height, c.region);
    Json list = Json::array();
    for (const double threshold : {0.0, 0.2, 0.35, 0.6, 0.93}) {
        const BoxOptions largest{.threshold = threshold};
        const BoxOptions all{.threshold = threshold, .components = Components::all};
        list.push_back(
            {{"threshold", threshold}, {"largest", json_of(boxes(full, largest))}, {"all", json_of(boxes(full, all))}});
    }
    return list;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("make_report OUT [PHOTO...]\n", stderr);
        return 2;
    }
    const std::filesystem::path out = argv[1];
    std::filesystem::remove_all(out);
    std::vector<Case> list = cases();
    std::vector<cv::Mat> photos;
    if (argc > 2) list.clear();
    for (int i = 2; i < argc; ++i) {
        photos.push_back(cv::imread(argv[i]));
        const int width = photos.back().cols, height = photos.back().rows;
        list.push_back(
            {argv[i], width, height, 7, 7, {0, 0, static_cast<double>(width), static_cast<double>(height)}, 5});
    }

    RunPlan plan;
    plan.inputs = list.size() + 1;
    RunJournal journal = RunJournal::create(out, plan);
    std::mt19937 random(20160627);
    Json expected = Json::array();
    for (std::size_t i = 0; i < list.size(); ++i) {
        const Case& c = list[i];
        ImageRecord record;
        record.file = c.file;
        record.width = c.width;
        record.height = c.height;
        record.region = c.region;
        Json of_image = Json::array();
        for (int rank = 1; rank <= c.classes; ++rank) {
            record.explanations.push_back(explanation(c, rank, random));
            of_image.push_back(expected_boxes(record.explanations.back().explanation.evidence(), c));
        }
        expected.push_back({{"file", c.file}, {"explanations", std::move(of_image)}});
        std::vector<std::byte> preview;  // a tensor has none
        if (c.file.find(".npy") == std::string::npos)
            preview = jpeg(photos.empty() ? gradient(c.width, c.height) : photos[i], journal.preview_side(i));
        journal.append(i, record, preview);
    }
    journal.append(list.size(), Failure{"broken <b>.jpg", "ends after 12 bytes </script>"});
    journal.finish(run_record());
    std::ofstream(out / "expected.json") << expected.dump();
    return 0;
}
