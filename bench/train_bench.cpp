// Training throughput: `locus train` with its loader, against a bare LibTorch loop over one batch that is in memory
// already, in turns.
//
//     train_bench [ROUNDS]
//
// Two bare loops: one as most people write it, all cores in each operator, and one that spreads groups of the batch
// over threads as Locus does.

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <malloc.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>
#include <torch/csrc/autograd/autograd.h>

#include "interleaved.hpp"
#include "train/engine_threads.hpp"
#include "train/options.hpp"

namespace {

using locus::bench::median;
constexpr int classes = 10, side = 64, photos = 640, batch = 128, group = 32;

/// The layers of `tiny`, written by hand.
struct BareNetwork {
    std::vector<at::Tensor> weights;

    explicit BareNetwork(int count = classes) {
        at::manual_seed(1);
        add_conv(3, 32, 3);
        int in = 32;
        for (const int out : {128, 192}) {
            for (int block = 0; block < 2; ++block) {
                add_conv(in, out, 3), add_conv(out, out, 3);
                if (in != out) add_conv(in, out, 1);
                in = out;
            }
        }
        weights.push_back((at::randn({count, in}) * 0.01).set_requires_grad(true));
        weights.push_back(at::zeros({count}).set_requires_grad(true));
    }

    void add_conv(int in, int out, int kernel) {
        weights.push_back(
            (at::randn({out, in, kernel, kernel}) * std::sqrt(2.0 / (in * kernel * kernel))).set_requires_grad(true));
        weights.push_back(at::ones({out}).set_requires_grad(true));
        weights.push_back(at::zeros({out}).set_requires_grad(true));
    }

    at::Tensor forward(at::Tensor x) const {
        std::size_t at = 0;
        const auto conv = [&](const at::Tensor& in, int stride) {
            const at::Tensor& w = weights[at];
            const at::Tensor y = at::conv2d(in, w, {}, stride, w.size(2) / 2);
            const at::Tensor z =
                std::get<0>(at::native_batch_norm(y, weights[at + 1], weights[at + 2], {}, {}, true, 0.1, 1e-5));
            at += 3;
            return z;
        };
        x = conv(x, 2).relu_();
        for (int block = 0; block < 4; ++block) {
            const int stride = block % 2 == 0 ? 2 : 1;
            at::Tensor y = conv(x, stride).relu_();
            y = conv(y, 1);
            x = y.add_(stride == 2 ? conv(x, 2) : x).relu_();
        }
        return at::addmm(weights[at + 1], x.mean({2, 3}), weights[at].t());
    }

    void descend(const std::vector<at::Tensor>& gradients, std::vector<at::Tensor>& momentum) {
        at::NoGradGuard no_gradients;
        momentum.resize(weights.size());
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (!momentum[i].defined()) momentum[i] = at::zeros_like(weights[i]);
            momentum[i].mul_(0.9).add_(gradients[i]);
            weights[i].sub_(gradients[i] + 0.9 * momentum[i], 0.01);
        }
    }
};

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A folder of pictures of noise, as 24-bit BMP.
std::filesystem::path write_photos() {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("locus-train-bench-{}", static_cast<long>(::getpid()));
    std::srand(1);
    for (int i = 0; i < photos; ++i) {
        std::string bytes = "BM";
        const auto put = [&](unsigned value, int count) {
            for (int k = 0; k < count; ++k) bytes += static_cast<char>(value >> (8 * k) & 255U);
        };
        put(54 + side * side * 3, 4), put(0, 4), put(54, 4), put(40, 4), put(side, 4), put(side, 4), put(1, 2),
            put(24, 2), put(0, 4), put(0, 4);
        put(2835, 4), put(2835, 4), put(0, 4), put(0, 4);
        for (int k = 0; k < side * side * 3; ++k) bytes += static_cast<char>(std::rand());
        const auto file = folder / std::to_string(i % classes) / (std::to_string(i) + ".bmp");
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << bytes;
    }
    return folder;
}

}  // namespace

int main(int argc, char** argv) {
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    const std::filesystem::path folder = write_photos();
    const at::Tensor x = at::randn({batch, 3, side, side});
    const at::Tensor labels = at::randint(classes, {batch}, at::kLong);
    locus::train::EngineThreads threads(0);

    BareNetwork plain, grouped;
    std::vector<at::Tensor> plain_momentum, grouped_momentum;
    const auto run_plain = [&] {
        const at::Tensor loss = at::cross_entropy_loss(plain.forward(x), labels);
        plain.descend(torch::autograd::grad({loss}, plain.weights), plain_momentum);
    };
    const auto run_grouped = [&] {
        std::vector<std::vector<at::Tensor>> gradients(batch / group);
        threads.run(gradients.size(), [&](std::size_t g) {
            const std::int64_t begin = static_cast<std::int64_t>(g) * group;
            const at::Tensor loss = at::cross_entropy_loss(grouped.forward(x.slice(0, begin, begin + group)),
                                                           labels.slice(0, begin, begin + group));
            gradients[g] = torch::autograd::grad({loss}, grouped.weights);
        });
        for (std::size_t i = 0; i < gradients[0].size(); ++i) {
            for (std::size_t g = 1; g < gradients.size(); ++g) gradients[0][i] = gradients[0][i] + gradients[g][i];
            gradients[0][i] = gradients[0][i] / static_cast<double>(gradients.size());
        }
        grouped.descend(gradients[0], grouped_momentum);
    };

    std::vector<double> plain_rate, grouped_rate, locus_rate, waited, ratio;
    for (int round = 0; round < rounds + 1; ++round) {
        const int steps = photos / batch;
        const double a = steps * batch / seconds_of([&] {
                             for (int i = 0; i < steps; ++i) run_plain();
                         });
        const double b = steps * batch / seconds_of([&] {
                             for (int i = 0; i < steps; ++i) run_grouped();
                         });
        locus::train::TrainOptions options;
        options.data = {folder};
        options.epochs = 1;
        options.batch = batch;
        options.norm_batch = group;
        options.output = folder / "model.onnx";
        options.average = 0.999;
        const auto record = locus::train::train(options).history.back();
        if (round == 0) continue;  // warms up
        plain_rate.push_back(a);
        grouped_rate.push_back(b);
        locus_rate.push_back(record.images_per_second);
        waited.push_back(record.waited);
        ratio.push_back(record.images_per_second / b);
    }
    std::filesystem::remove_all(folder);
    std::filesystem::remove_all(folder.string() + "/model.onnx.training");
    fmt::print("tiny at {} px, batch {}, {} threads; medians of {} rounds in turns\n", side, batch, threads.count(),
               rounds);
    fmt::print("{:<52}{:>10.1f} images/s\n", "bare loop, all cores in each operator", median(plain_rate));
    fmt::print("{:<52}{:>10.1f} images/s\n", "bare loop, a group of 32 a thread", median(grouped_rate));
    fmt::print("{:<52}{:>10.1f} images/s\n", "locus train (loader, augmentation, moving average)", median(locus_rate));
    fmt::print("{:<52}{:>10.3f}\n", "locus train over the faster kind of bare loop", median(ratio));
    fmt::print("{:<52}{:>9.2f} %\n", "time waited for data", 100 * median(waited));
    return 0;
}
