// `locus train`: hands over to locus-train, an executable of its own, since loading LibTorch takes longer than
// explaining a photo.

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "command.hpp"
#include "locus/error.hpp"
#include "program_folder.hpp"

namespace locus::command {
namespace fs = std::filesystem;

namespace {

/// locus-train beside this executable (in a build folder) or in ../libexec/locus (installed).
fs::path find_trainer() {
    const fs::path folder = program_folder();
    for (const fs::path& candidate : {folder / "locus-train", folder / "../libexec/locus/locus-train"}) {
        if (::access(candidate.c_str(), X_OK) == 0) return candidate.lexically_normal();
    }
    throw Error(ErrorKind::unsupported,
                "this build has no training; build it where LibTorch is installed (scripts/setup.sh train), with "
                "-DLOCUS_TRAIN=ON");
}

}  // namespace

void add_train(CLI::App& app) {
    CLI::App* train =
        app.add_subcommand("train", "Train a network with global pooling from image labels, and write it as ONNX");
    // Everything behind `train`, --help included, is the trainer's to read.
    train->set_help_flag();
    train->prefix_command();
    train->callback([train] {
        const std::string trainer = find_trainer().string();
        std::vector<std::string> words = train->remaining();
        words.insert(words.begin(), "locus train");
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        ::execv(trainer.c_str(), arguments.data());
        throw Error(ErrorKind::io, fmt::format("{} cannot be started: {}", trainer, std::strerror(errno)));
    });
}

}  // namespace locus::command
