#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "files/atomic_file.hpp"
#include "files/npy.hpp"
#include "locus/tensor.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace fs = std::filesystem;
using locus::test::run_locus;
using locus::test::ScratchFolder;

namespace {

/// Another value of an environment variable, or none, while it lives.
class Environment {
public:
    Environment(std::string name, std::optional<std::string> value) : name_(std::move(name)) {
        if (const char* before = std::getenv(name_.c_str())) before_ = before;
        set(value);
    }
    ~Environment() { set(before_); }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    void set(const std::optional<std::string>& value) const {
        value ? ::setenv(name_.c_str(), value->c_str(), 1) : ::unsetenv(name_.c_str());
    }
    std::string name_;
    std::optional<std::string> before_;
};

}  // namespace

// ONNX Runtime's reports to its maker begin with an identifier in the home folder; on build servers (CI) it makes none.
TEST(Privacy, NothingIsLeftInTheHomeFolder) {
    const ScratchFolder folder;
    fs::create_directories(folder / "home");
    const Environment home("HOME", (folder / "home").string());
    const Environment cache("XDG_CACHE_HOME", std::nullopt);
    const Environment ci("CI", std::nullopt);
    const Environment opt_out("ORT_DISABLE_TELEMETRY", std::nullopt);
    ASSERT_EQ(run_locus(folder.path(), {"build", "tiny", "-o", "tiny.onnx"}).exit_code, 0);
    const auto input = locus::files::npy_bytes(locus::Tensor(locus::DataType::float32, {3, 64, 64}));
    locus::files::write_file_atomically(folder / "input.npy", input);
    const auto outcome = run_locus(folder.path(), {"explain", "-m", "tiny.onnx", "input.npy", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(fs::is_empty(folder / "home"));
}
