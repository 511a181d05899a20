/// How close the explanations of a compressed model are to those of the float model it was made of.
///
///     closeness_bench FLOAT.onnx PHOTOS COMPRESSED.onnx...
///
/// Both are exported as explained models, the class an input, and explain the float model's best class on each photo of
/// the folder. Maps are compared as they are shown (0 to 1, at the target layer's size): Pearson's correlation, and the
/// largest difference of a position.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "explain/explained_model.hpp"
#include "explain/network.hpp"
#include "interleaved.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "locus/preprocessing.hpp"
#include "model/onnx/onnx_file.hpp"

namespace {

using namespace locus;
namespace fs = std::filesystem;

/// An explained model in a session, and how it is fed.
struct Explained {
    explain::Network network;
    runtime::Session session;

    Explained(const fs::path& file, const std::string& method)
        : network(explain::load_network(file, {})),
          session(model::serialize(
                      explain::explained_model(network, {.method = method, .top_k = std::nullopt, .normalize = true})),
                  network.session) {}

    /// Logits and map for a photo and a class.
    std::vector<Tensor> operator()(const Image& photo, std::int64_t index) const {
        return session.run({{network.input, preprocess(photo, network.preprocessing)},
                            {"class", Tensor::of<std::int64_t>({1}, {index})}},
                           {"logits", "maps"});
    }
};

std::int64_t best(const Tensor& logits) {
    const auto values = logits.values<float>();
    return std::max_element(values.begin(), values.end()) - values.begin();
}

double correlation(std::span<const float> a, std::span<const float> b) {
    const double n = static_cast<double>(a.size());
    const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
    const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return ab / std::sqrt(aa * bb);
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
    return largest;
}

void compare(const fs::path& reference, const fs::path& compressed, const std::vector<fs::path>& photos,
             const std::string& method) {
    const Explained exact(reference, method), close(compressed, method);
    std::vector<double> correlations, differences;
    int agreed = 0;
    for (const fs::path& file : photos) {
        const Image photo = read_image(file);
        const std::int64_t index = best(exact(photo, 0)[0]);
        const auto expected = exact(photo, index), found = close(photo, index);
        if (expected[1].shape() != found[1].shape()) {
            throw Error(ErrorKind::model,
                        fmt::format("{} has maps of {}, {} of {}", reference.string(), to_string(expected[1].shape()),
                                    compressed.string(), to_string(found[1].shape())));
        }
        agreed += best(found[0]) == index;
        correlations.push_back(correlation(expected[1].values<float>(), found[1].values<float>()));
        differences.push_back(largest_difference(expected[1].values<float>(), found[1].values<float>()));
    }
    fmt::print("{:<34} {:<10} {:>6}/{} {:>9.4f} {:>9.4f} {:>9.3f} {:>9.3f}\n", compressed.stem().string(), method,
               agreed, photos.size(), bench::median(correlations),
               *std::min_element(correlations.begin(), correlations.end()), bench::median(differences),
               *std::max_element(differences.begin(), differences.end()));
    std::fflush(stdout);
}

std::vector<fs::path> photos_in(const fs::path& folder) {
    std::vector<fs::path> photos;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string extension = entry.path().extension().string();
        if (extension == ".JPEG" || extension == ".jpg" || extension == ".jpeg" || extension == ".png")
            photos.push_back(entry.path());
    }
    std::sort(photos.begin(), photos.end());
    return photos;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 1) {  // scripts/bench.sh has no trained models
        fmt::print("closeness_bench FLOAT.onnx PHOTOS COMPRESSED.onnx...\n");
        return 0;
    }
    try {
        if (argc < 4) throw Error(ErrorKind::usage, "it takes FLOAT.onnx PHOTOS COMPRESSED.onnx...");
        const auto photos = photos_in(argv[2]);
        if (photos.empty()) throw Error(ErrorKind::io, fmt::format("{} holds no photos", argv[2]));
        fmt::print("{:<34} {:<10} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "model", "method", "same top", "corr med",
                   "corr min", "diff med", "diff max");
        for (int i = 3; i < argc; ++i)
            for (const char* method : {"cam", "grad-cam"}) compare(argv[1], argv[i], photos, method);
    } catch (const std::exception& error) {
        fmt::print(stderr, "closeness_bench: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
