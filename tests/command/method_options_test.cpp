// What `locus explain` lets say of methods, and `locus check`: several methods in one run, the number explained,
// errors.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "files/npy.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Outcome;
using testing::HasSubstr;
using testing::Not;

class MethodOptionsOfTheCommand : public testing::Test {
protected:
    MethodOptionsOfTheCommand() {
        model::save(model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 32, .seed = 2}),
                    folder_.path() / "model.onnx");
        Image photo{.width = 40, .height = 30, .rgb = std::vector<std::uint8_t>(40 * 30 * 3)};
        for (std::size_t i = 0; i < photo.rgb.size(); ++i) photo.rgb[i] = static_cast<std::uint8_t>(i * i / 7 % 256);
        const auto bytes = encode_png(photo);
        test::put(folder_.path() / "a.png", bytes);
    }

    Outcome run(std::vector<std::string> arguments) const { return test::run_locus(folder_.path(), arguments); }
    Outcome explain(std::vector<std::string> more, const std::string& out = "out") const {
        std::vector<std::string> all{"explain", "-m", "model.onnx", "a.png", "-o", out, "--overwrite"};
        all.insert(all.end(), more.begin(), more.end());
        return run(all);
    }
    json explanations(const std::string& out = "out") const {
        return json::parse(test::read_text(folder_.path() / out / "results.json"))["images"][0]["explanations"];
    }
    std::string bytes(const std::string& file) const { return test::read_text(folder_.path() / "out" / file); }

    test::ScratchFolder folder_;
};

TEST_F(MethodOptionsOfTheCommand, WordsOfAListAreTakenInAnyCase) {
    const auto of = [&](const char* option, const char* value) {
        const Outcome outcome = explain({"-M", "Grad-CAM++", option, value});
        EXPECT_EQ(outcome.exit_code, 0) << option << ' ' << outcome.err;
        return explanations();
    };
    EXPECT_EQ(of("--color", "BGR"), of("--color", "bgr"));
    EXPECT_NE(of("--color", "BGR"), of("--color", "RGB"));
    EXPECT_EQ(of("--target", "Probability"), of("--target", "probability"));
    EXPECT_NE(of("--target", "Probability"), of("--target", "Logit"));
    for (const auto& [option, value] : std::vector<std::pair<const char*, const char*>>{{"--colormap", "Turbo"},
                                                                                        {"--layout", "NCHW"},
                                                                                        {"--resize", "Crop"},
                                                                                        {"--size", "32X32"},
                                                                                        {"--save", "Map,Boxes"},
                                                                                        {"--components", "All"},
                                                                                        {"--smooth", "Augment"},
                                                                                        {"--memory", "500m"},
                                                                                        {"--device", "CPU"}})
        EXPECT_EQ(of(option, value)[0]["method"], "grad-cam++");
    EXPECT_EQ(explain({"-M", "Score-CAM", "--set", "Variant=TorchCAM"}).exit_code, 0);
    EXPECT_THAT(explain({"--layer", "NO.SUCH"}).err, HasSubstr("NO.SUCH")) << "a name, and no word of a list";
}

TEST_F(MethodOptionsOfTheCommand, SeveralMethodsStandSideBySideWithTheBytesOfEachAlone) {
    const std::vector<std::string> names{"cam", "grad-cam", "layer-cam", "eigen-cam"};
    Outcome outcome = explain({"-M", "cam,grad-cam", "-M", "layer-cam,eigen-cam", "-c", "top:2"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("layer-cam: "));
    const json together = explanations();
    ASSERT_EQ(together.size(), 8U);
    std::set<std::string> files;
    for (std::size_t i = 0; i < together.size(); ++i) {
        EXPECT_EQ(together[i]["method"], names[i % 4]);
        EXPECT_EQ(together[i]["rank"], i / 4 + 1);
        for (const char* kind : {"overlay"}) EXPECT_TRUE(files.insert(together[i][kind]).second);
        EXPECT_TRUE(files.insert(together[i]["map"]["file"]).second);
    }
    for (std::size_t m = 0; m < names.size(); ++m) {
        ASSERT_EQ(explain({"-M", names[m], "-c", "top:2"}, "alone").exit_code, 0);
        const json alone = explanations("alone");
        for (std::size_t c = 0; c < 2; ++c) {
            const std::string file = alone[c]["map"]["file"];
            EXPECT_EQ(test::read_text(folder_.path() / "alone" / file), bytes(together[c * 4 + m]["map"]["file"]))
                << names[m];
            EXPECT_EQ(alone[c]["boxes"], together[c * 4 + m]["boxes"]);
        }
    }
    EXPECT_THAT(test::read_text(folder_.path() / "out/report.html"), HasSubstr("eigen-cam"));
}

TEST_F(MethodOptionsOfTheCommand, ScoreIsTheNumberExplained) {
    ASSERT_EQ(explain({"-M", "grad-cam", "--target", "probability"}).exit_code, 0);
    json e = explanations()[0];
    EXPECT_NEAR(e["score"].get<double>(), e["probability"].get<double>(), 1e-6);
    ASSERT_EQ(explain({"-M", "grad-cam", "--target", "difference", "--set", "nearest=1", "--set", "alpha=1"}).exit_code,
              0);
    EXPECT_GT(explanations()[0]["score"], 0);  // the best class less the next
    ASSERT_EQ(explain({"-M", "grad-cam", "--target-image", "a.png"}).exit_code, 0);
    e = explanations()[0];
    EXPECT_NEAR(e["score"].get<double>(), 1.0, 1e-6);
    EXPECT_TRUE(e["probability"].is_null());
    ASSERT_EQ(explain({"-M", "grad-cam"}).exit_code, 0);
    EXPECT_EQ(explanations()[0]["score"], explanations()[0]["logit"]);
}

TEST_F(MethodOptionsOfTheCommand, SignSaysWhatDecidedIt) {
    ASSERT_EQ(explain({"-M", "eigen-cam,ablation-cam,grad-cam", "-c", "top:6"}).exit_code, 0);
    for (const json& e : explanations()) {
        if (e["method"] == "grad-cam") {
            EXPECT_TRUE(e["sign"].is_null());
        } else if (e["method"] == "ablation-cam") {
            EXPECT_EQ(e["sign"]["by"], "score");
            EXPECT_EQ(e["sign"]["value"], e["logit"] < 0 ? -1 : 1);
        } else {
            EXPECT_EQ(e["sign"]["value"], 1);
            EXPECT_TRUE(e["sign"]["by"] == "energy" || e["sign"]["by"] == "evidence") << e["sign"];
            EXPECT_EQ(e["map"]["zero"], e["map"]["min"]);
        }
    }
}

TEST_F(MethodOptionsOfTheCommand, ScoreIsTheProbabilityForMethodsThatExplainIt) {
    ASSERT_EQ(explain({"-M", "occlusion,grad-cam,finer-cam"}).exit_code, 0);
    const json all = explanations();
    EXPECT_NEAR(all[0]["score"].get<double>(), all[0]["probability"].get<double>(), 1e-6);
    EXPECT_EQ(all[1]["score"], all[1]["logit"]);
    EXPECT_NE(all[2]["score"], all[2]["logit"]);
    ASSERT_EQ(explain({"-M", "grad-cam", "--target", "difference"}).exit_code, 0);
    EXPECT_EQ(all[2]["score"], explanations()[0]["score"]);
}

TEST_F(MethodOptionsOfTheCommand, ASettingServesThoseOfSeveralMethodsThatTakeIt) {
    const Outcome outcome = explain({"-M", "cam,smooth-grad", "--set", "samples=2"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(MethodOptionsOfTheCommand, AutoSaysWhyItIsNotCam) {
    const Outcome middle = explain({"-l", "relu1"});
    EXPECT_EQ(middle.exit_code, 0) << middle.err;
    EXPECT_THAT(middle.err, HasSubstr("the method auto is hires-cam here, not cam: cam is defined at the layer that"));
    EXPECT_THAT(explain({}).err, Not(HasSubstr("auto")));
}

TEST_F(MethodOptionsOfTheCommand, ErrorsSayWhatWouldBeRight) {
    const auto error = [&](const std::vector<std::string>& more) {
        const Outcome outcome = explain(more);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        return outcome.err;
    };
    EXPECT_THAT(error({"-M", "grad-cam,layercam"}), HasSubstr("layer-cam"));
    EXPECT_THAT(error({"-M", "grad-cam", "-l", "logit"}), HasSubstr("logits"));
    EXPECT_THAT(error({"-M", "grad-cam", "-l", "logits"}), HasSubstr("has no positions to make a map of"));
    EXPECT_THAT(error({"-M", "cam,grad-cam", "--set", "samples=9"}),
                HasSubstr("samples changes nothing for cam, grad-cam: it is a setting of smooth-grad-cam++, ss-cam"));
    EXPECT_THAT(error({"--set", "nearest=2"}), HasSubstr("a setting of the target difference and of finer-cam"));
    EXPECT_THAT(error({"-M", "grad-cam", "--fuse", "max"}), HasSubstr("--layer A,B"));
    EXPECT_THAT(error({"-M", "rise,saliency", "--channels", "last"}), HasSubstr("on the input's pixels"));
    EXPECT_THAT(error({"-M", "smooth-grad", "--set", "noise=0"}),
                HasSubstr("noise takes a number above 0 and at most 1000000000, not '0'"));
    EXPECT_THAT(error({"-M", "smooth-grad", "--set", "samples=3.5"}), HasSubstr("takes a whole number, not '3.5'"));
    files::write_npy(folder_.path() / "mask.npy", Tensor(DataType::float32, {7, 7}));
    EXPECT_THAT(error({"-M", "grad-cam", "--target-mask", "mask.npy"}), HasSubstr("whose scores have positions"));
    EXPECT_THAT(error({"-M", "grad-cam", "--target", "logit", "--target-image", "a.png"}),
                HasSubstr("--target-image is for the target similarity"));
    EXPECT_THAT(error({"-M", "grad-cam", "--target-mask", "mask.npy", "--target-embedding", "mask.npy"}),
                HasSubstr("--target-embedding is for the target similarity, and the target mask is asked for"));
    EXPECT_THAT(error({"-M", "grad-cam", "--target-image", "a.png", "-c", "2"}), HasSubstr("no class is asked for"));
    EXPECT_THAT(error({"--target", "similarity"}), HasSubstr("--target similarity needs what to compare with"));
    EXPECT_THAT(error({"-M", "finer-cam", "--set", "nearest=6"}), HasSubstr("nearest is 6, but a class has 5 others"));
    EXPECT_THAT(error({"-M", "finer-cam", "--target", "probability"}), HasSubstr("another target is for grad-cam"));
    EXPECT_THAT(error({"-M", "grad-cam", "-l", ","}), HasSubstr("names none between two commas"));
    EXPECT_THAT(error({"--signed", "--colormap", "jet"}), HasSubstr("--colormap is left out with it"));
    EXPECT_THAT(error({"-c", "top:0"}), HasSubstr("top:0"));
    EXPECT_THAT(error({"-c", "6"}), HasSubstr("class 6 is out of range: the model has 6 classes, 0 to 5"));
    EXPECT_THAT(error({"-c", "top:7"}), HasSubstr("asks for more classes than the 6"));
    EXPECT_THAT(error({"-M", "rise", "--smooth", "eigen"}), HasSubstr("augment smooths every method"));
    EXPECT_THAT(error({"--target", "odds"}), HasSubstr("probability"));
    EXPECT_THAT(error({"--grid", "seven"}), HasSubstr("such as 14x14"));
}

TEST_F(MethodOptionsOfTheCommand, ResumeWithOtherSettingsOfTheMethodIsRefused) {
    ASSERT_EQ(explain({"-M", "grad-cam"}).exit_code, 0);
    const Outcome other = run(
        {"explain", "-m", "model.onnx", "a.png", "-o", "out", "--resume", "-M", "grad-cam", "--target", "probability"});
    EXPECT_NE(other.exit_code, 0);
}

TEST_F(MethodOptionsOfTheCommand, CheckWritesNumbersCurvesAndPictures) {
    const Outcome outcome = run({"check", "model.onnx", "a.png", "-M", "grad-cam,eigen-cam,random", "--steps", "3"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("eigen-cam"));
    const json check = json::parse(test::read_text(folder_.path() / "locus-check/check.json"));
    ASSERT_EQ(check["methods"].size(), 3U);
    ASSERT_EQ(check["steps"].size(), 4U);
    EXPECT_EQ(check["steps"][3]["share"], 1.0);
    for (const json& method : check["methods"]) {
        ASSERT_EQ(method["steps"].size(), 4U);
        EXPECT_NEAR(method["steps"][0]["rank_correlation"].get<double>(), 1.0, 1e-9);
        EXPECT_NEAR(method["steps"][0]["structural_similarity"].get<double>(), 1.0, 1e-9);
    }
    EXPECT_LT(check["methods"][2]["steps"][1]["rank_correlation"], 0.9);  // noise never follows anything
    const std::string page = test::read_text(folder_.path() / "locus-check/check.html");
    EXPECT_THAT(page, HasSubstr("<polyline"));
    EXPECT_THAT(page, HasSubstr("data:image/jpeg;base64,"));
    const Image picture = read_image(folder_.path() / "locus-check/maps/a.png");
    EXPECT_GT(picture.width, 4 * 40);
    EXPECT_EQ(check["steps"][1]["randomised"][0], "classifier");
    EXPECT_EQ(run({"check", "model.onnx", "absent.png"}).exit_code, 1);
}

TEST_F(MethodOptionsOfTheCommand, CheckReplacesNothingButAnEarlierCheck) {
    const std::vector<std::string> check{"check", "model.onnx", "a.png", "-M", "random", "--steps", "1", "-o", "out"};
    EXPECT_EQ(run(check).exit_code, 0);
    EXPECT_EQ(run(check).exit_code, 0);
    std::filesystem::remove_all(folder_.path() / "out");
    test::write_text(folder_.path() / "out/maps/a.png", "mine");
    const Outcome outcome = run(check);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("'out' holds other files"));
    EXPECT_EQ(test::read_text(folder_.path() / "out/maps/a.png"), "mine");
    ASSERT_EQ(explain({}).exit_code, 0);
    EXPECT_THAT(run(check).err, HasSubstr("'out' holds a run's results"));
}

TEST_F(MethodOptionsOfTheCommand, AFedFileThatHoldsNaNIsNamedWithThePlace) {
    Tensor values(DataType::float32, {2, 3});
    values.mutable_values<float>()[4] = std::numeric_limits<float>::quiet_NaN();
    files::write_npy(folder_.path() / "prior.npy", values);
    const Outcome outcome = explain({"--feed", "prior=prior.npy"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.err, "locus: error: the file 'prior.npy' that --feed names holds NaN at [1, 1]\n");
}

}  // namespace
}  // namespace locus
