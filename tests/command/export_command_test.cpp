#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/web_page.hpp"
#include "files/npy.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

using testing::HasSubstr;

class ExportCommand : public testing::Test {
protected:
    ExportCommand() {
        model::save(model::build({.name = "tiny", .classes = 3, .width = 0.25, .image_size = 32}), path("model.onnx"));
        for (const std::string_view file : deploy::web_runtime_files) test::write_text(path("ort") / file, "runtime");
    }
    std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
    test::Outcome run(const std::vector<std::string>& more) const {
        std::vector<std::string> arguments{"export", "model.onnx"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return test::run_locus(folder_.path(), arguments);
    }
    /// Refused, `file` left as it was; done with --overwrite, and again without, since it is an earlier export then.
    void expect_guarded(const std::string& file, const std::vector<std::string>& arguments) const {
        test::write_text(path(file), "somebody's");
        const auto refused = run(arguments);
        EXPECT_EQ(refused.exit_code, 2);
        EXPECT_THAT(refused.err, HasSubstr("--overwrite"));
        EXPECT_EQ(test::read_text(path(file)), "somebody's");
        std::vector<std::string> with = arguments;
        with.emplace_back("--overwrite");
        const auto done = run(with);
        EXPECT_EQ(done.exit_code, 0) << done.err;
        EXPECT_NE(test::read_text(path(file)), "somebody's");
        EXPECT_EQ(run(arguments).exit_code, 0);
    }
    test::ScratchFolder folder_;
};

TEST_F(ExportCommand, ReplacesNoForeignFile) { expect_guarded("other.onnx", {"-o", "other.onnx"}); }

TEST_F(ExportCommand, ReplacesNoForeignPage) {
    expect_guarded("page/index.html", {"--web", "page", "--web-runtime", "ort"});
}

TEST_F(ExportCommand, ReplacesNoForeignModelOfARepository) {
    expect_guarded("repository/explained/config.pbtxt", {"--triton", "repository"});
}

TEST_F(ExportCommand, ARepositoryMayHoldModelsOfOtherNames) {
    test::write_text(path("repository/other/config.pbtxt"), "somebody's");
    EXPECT_EQ(run({"--triton", "repository"}).exit_code, 0);
    EXPECT_EQ(test::read_text(path("repository/other/config.pbtxt")), "somebody's");
}

TEST_F(ExportCommand, ValuesOfOtherInputsBecomeConstants) {
    model::Model model = model::load(path("model.onnx"));
    model.graph.inputs.push_back({.name = "prior", .shape = std::vector<model::Dimension>{{.value = 1}, {.value = 3}}});
    const std::string scores = model.graph.outputs.front().name;
    model.graph.nodes.push_back({.op_type = "Add", .inputs = {scores, "prior"}, .outputs = {"sum"}});
    model.graph.outputs.front().name = "sum";
    model::save(model, path("model.onnx"));
    const auto refused = run({"-o", "out.onnx"});
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, HasSubstr("give one with --feed prior=FILE.npy"));
    files::write_npy(path("prior.npy"), Tensor::of<float>({1, 3}, {1, 2, 3}));
    const auto done = run({"-o", "out.onnx", "--feed", "prior=prior.npy"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(model::load(path("out.onnx")).graph.inputs.size(), 1U);
}

}  // namespace
}  // namespace locus
