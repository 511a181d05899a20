/// A folder of photos through `locus explain` against the bare parts of the job: how much of the machine goes into
/// anything but decoding, the network and encoding.
///
///     batch_bench [MODEL.onnx [PHOTOS [IMAGES = 1000]]]
///
/// Without a model: the builder's mobilenet-v2; without photos: those in third_party/photos.
///
/// Five jobs on the same photos with as many threads as cores, one image at a time each: the bare network passes; those
/// with reading and decoding; with encoding too; the command with overlays, boxes and report; the command without
/// pictures. A sixth is the bare passes one after another, each on all cores: what a loop over a session makes of the
/// machine. Each is a program of its own, anew in every round: which memory a process happens to get shows in its
/// passes. The command's time is all of it, from its start to its end; of the bare parts, only the work.

#include <malloc.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "batch/input_list.hpp"
#include "explain/network.hpp"
#include "image/decode.hpp"
#include "image/preprocess.hpp"
#include "interleaved.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"

namespace {

using namespace locus;
namespace fs = std::filesystem;

/// Option with which the program does one of the bare jobs, prints its rate and ends.
constexpr const char* only_part = "--part";

/// Calls `work` for 0 ... count - 1 on so many threads; images a second.
double rate(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    const auto start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> pool;
        for (unsigned i = 0; i < threads; ++i) {
            pool.emplace_back([&] {
                for (std::size_t index; (index = next++) < count;) work(index);
            });
        }
    }
    return static_cast<double>(count) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The files of a list, one a line.
std::vector<fs::path> read_list(const fs::path& list) {
    std::ifstream lines(list);
    std::vector<fs::path> files;
    for (std::string line; std::getline(lines, line);) files.emplace_back(line);
    return files;
}

/// Images a second of a bare job: "network", "sequence" (of passes on all cores), "decode" (and network) or "encode"
/// (and both).
double rate_of_part(const std::string& part, const fs::path& model_file, const std::vector<fs::path>& photos) {
    // As the command does: else the pictures' memory is given back to the system and cleared anew each time.
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    const bool in_sequence = part == "sequence";
    const explain::Network network =
        explain::load_network(model_file, {.threads = in_sequence ? static_cast<int>(cores) : 1});
    const runtime::Session bare(network.model, network.session);
    const Tensor input = explain::random_input(network, 1, 1);
    const auto pass = [&] { bare.run({{network.input, input}}, {network.head.output}); };
    pass();
    return rate(photos.size(), in_sequence ? 1 : cores, [&](std::size_t i) {
        if (part == "encode") {
            encode_jpeg(image::decode(photos[i]).image, 90);
        } else if (part == "decode") {
            image::decode(photos[i], {.reduce_to = image::needed_side(network.preprocessing)});
        }
        pass();
    });
}

/// A program that writes lines, read as it writes them.
class Program {
public:
    explicit Program(const std::string& command_line)
        : command_line_(command_line), pipe_(popen(command_line.c_str(), "r")) {
        if (pipe_ == nullptr) fail();
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        if (pipe_ != nullptr) pclose(pipe_);
    }

    bool read_line(std::string& line) {
        line.clear();
        int c = 0;
        while ((c = std::fgetc(pipe_)) != EOF && c != '\n') line += static_cast<char>(c);
        return c != EOF;
    }

    void wait() {
        const int status = pclose(std::exchange(pipe_, nullptr));
        if (test::exit_code(status) != 0) fail();
    }

private:
    void fail() const { throw std::runtime_error("this does not run: " + command_line_); }

    std::string command_line_;
    std::FILE* pipe_;
};

/// Resident memory of a process, in MiB.
double resident(const std::string& process) {
    std::ifstream statm("/proc/" + process + "/statm");
    double pages = 0;
    statm >> pages >> pages;
    return pages * 4096.0 / 1048576.0;
}

struct CommandRun {
    double rate = 0;                                            ///< images a second
    double resident_after_hundred = 0, resident_after_all = 0;  ///< MiB
};

CommandRun run_command(const fs::path& model_file, const fs::path& list, std::size_t count, const fs::path& out,
                       const std::string& save) {
    CommandRun result;
    const auto start = std::chrono::steady_clock::now();
    Program command(fmt::format("echo $$; exec {} explain -m {} - --save {} -o {} <{} 2>&1",
                                test::quoted(LOCUS_COMMAND), test::quoted(model_file), save, test::quoted(out),
                                test::quoted(list)));
    std::string process, line;
    command.read_line(process);
    for (std::size_t seen = 1; command.read_line(line); ++seen) {
        if (seen == 100) result.resident_after_hundred = resident(process);
        if (seen == count) result.resident_after_all = resident(process);
    }
    command.wait();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result.rate = static_cast<double>(count) / seconds;
    return result;
}

double run_part(const std::string& part, const fs::path& model_file, const fs::path& list) {
    Program program(fmt::format("{} {} {} {} {}", test::quoted(fs::read_symlink("/proc/self/exe")), only_part, part,
                                test::quoted(model_file), test::quoted(list)));
    std::string line;
    program.read_line(line);
    program.wait();
    return std::stod(line);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 5 && argv[1] == std::string(only_part)) {
        fmt::print("{}\n", rate_of_part(argv[2], argv[3], read_list(argv[4])));
        return 0;
    }
    const fs::path scratch = fs::temp_directory_path() / "locus-batch-bench";
    fs::remove_all(scratch);
    fs::create_directories(scratch);
    fs::path model_file = scratch / "mobilenet-v2.onnx";
    if (argc > 1) {
        model_file = argv[1];
    } else {
        model::save(model::build({.name = "mobilenet-v2"}), model_file);
    }
    const std::size_t count = argc > 3 ? std::stoul(argv[3]) : 1000;
    const auto photos = batch::list_inputs({argc > 2 ? argv[2] : "third_party/photos"}, std::cin);
    if (!photos.front().error.empty()) {
        fmt::print(stderr, "batch_bench: {}: {}\n", photos.front().name, photos.front().error);
        return 1;
    }
    const fs::path list = scratch / "photos.txt";
    std::ofstream lines(list);
    for (std::size_t i = 0; i < count; ++i) lines << fs::absolute(photos[i % photos.size()].file).string() << '\n';
    lines.close();

    CommandRun with_pictures;
    int runs = 0;
    const auto command = [&](const std::string& save) {
        // Each run has a folder of its own: ext4 takes its time to give out again what was deleted just before.
        return run_command(model_file, list, count, scratch / fmt::format("out-{}", ++runs), save);
    };
    const std::vector<std::pair<const char*, std::function<double()>>> jobs{
        {"bare network passes", [&] { return run_part("network", model_file, list); }},
        {"decode, network, encode: the bare parts", [&] { return run_part("encode", model_file, list); }},
        {"decode and network, no pictures", [&] { return run_part("decode", model_file, list); }},
        {"locus explain: overlays, boxes, report",
         [&] { return (with_pictures = command("overlay,boxes,report")).rate; }},
        {"locus explain: boxes, no pictures", [&] { return command("boxes").rate; }},
        {"bare network passes, one by one on all cores", [&] { return run_part("sequence", model_file, list); }},
    };
    constexpr int rounds = 5;
    std::vector<std::vector<double>> rates(jobs.size());
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < jobs.size(); ++i) rates[i].push_back(jobs[i].second());
    }
    fmt::print("{} images, {}, {} threads; images a second, median of {} rounds\n", count,
               model_file.filename().string(), std::thread::hardware_concurrency(), rounds);
    const double network_rate = bench::median(rates[0]);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        fmt::print("{:<44} {:>8.1f}  {:>5.1f} % of the bare network\n", jobs[i].first, bench::median(rates[i]),
                   100 * bench::median(rates[i]) / network_rate);
    }
    fmt::print("overlays, boxes and report run at {:.1f} % of what the bare parts allow\n",
               100 * bench::median(rates[3]) / bench::median(rates[1]));
    fmt::print("resident memory after 100 images {:.0f} MiB, after {} {:.0f} MiB\n",
               with_pictures.resident_after_hundred, count, with_pictures.resident_after_all);
    fs::remove_all(scratch);
    return 0;
}
