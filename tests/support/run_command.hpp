#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace locus::test {

inline std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline void write_text(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

/// One argument for the shell, whatever bytes it holds.
inline std::string quoted(const std::string& argument) {
    std::string result = "'";
    for (const char c : argument) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

struct Outcome {
    int exit_code = -1;  ///< 128 + signal where a signal ended it
    std::string out, err;
};

/// How a process ended: its exit code, or 128 + the signal.
inline int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Runs the command with these arguments in `folder`, where its output is kept as .stdout and .stderr.
inline Outcome run_locus(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                         const std::string& standard_input = {}) {
    const auto out = folder / ".stdout", err = folder / ".stderr", in = folder / ".stdin";
    write_text(in, standard_input);
    std::string line = "cd " + quoted(folder.string()) + " && " + quoted(LOCUS_COMMAND);
    for (const std::string& argument : arguments) line += ' ' + quoted(argument);
    line += " <" + quoted(in.string()) + " >" + quoted(out.string()) + " 2>" + quoted(err.string());
    const int status = std::system(line.c_str());
    Outcome outcome;
    outcome.exit_code = exit_code(status);
    outcome.out = read_text(out);
    outcome.err = read_text(err);
    return outcome;
}

/// Starts the command with these arguments in `folder` and returns at once: for tests that send it signals.
inline pid_t start_locus(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
    std::vector<std::string> words{LOCUS_COMMAND};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::chdir(folder.c_str()) == 0) ::execv(LOCUS_COMMAND, argv.data());
        ::_exit(127);
    }
    return child;
}

}  // namespace locus::test
