#include "model/networks/builder.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/networks/networks.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

struct Network {
    std::string_view name;
    int image_size;
    Head head;  ///< its own
    FeatureMap (*trunk)(NetworkWriter&, const FeatureMap& image);
    int hidden_units = 0;            ///< of its two hidden fully connected layers; 0: none
    bool channel_per_class = false;  ///< the last map has one channel a class, so that no linear layer follows the pool
};

constexpr std::array<Network, 9> networks{{
    {"alexnet-gap", 227, Head::gap, alexnet_gap},
    {"googlenet-gap", 224, Head::gap, googlenet_gap},
    {"mobilenet-v2", 224, Head::gap, mobilenet_v2},
    {"nin", 224, Head::gap, nin, 0, true},
    {"resnet18", 224, Head::gap, resnet18},
    {"resnet50", 224, Head::gap, resnet50},
    {"tiny", 64, Head::gap, tiny},
    {"vgg16", 224, Head::fc, vgg16, 4096},
    {"vgg16-gap", 224, Head::gap, vgg16_gap},
}};

const Network& find_network(const std::string& name) {
    for (const Network& network : networks) {
        if (network.name == name) return network;
    }
    throw Error(ErrorKind::usage, fmt::format("there is no network named {}{}", text::quote(name),
                                              text::did_you_mean(name, network_names())));
}

void check_range(std::string_view what, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
        throw Error(ErrorKind::usage,
                    fmt::format("the {} is {}; it must lie between {} and {}", what, value, least, most));
    }
}

void check(const NetworkOptions& options) {
    check_range("number of classes", options.classes, 1, 1'000'000);
    check_range("width", options.width, 0.01, 16);
    if (options.image_size != 0) check_range("image size", options.image_size, 1, 16384);
    check_range("number of channels", options.channels, 1, 1024);
    check_range("opset", options.opset, 7, 21);
    if (options.batch != -1) check_range("batch size (-1 is dynamic)", static_cast<double>(options.batch), 1, 65536);
}

void write_network(NetworkWriter& write, const Network& network) {
    const NetworkOptions& options = write.options();
    const Head head = options.head.value_or(network.head);
    FeatureMap x = network.trunk(write, write.input());
    x = write.pool(x, head);
    if (head == Head::fc && network.hidden_units > 0) {
        for (const char* name : {"fc6", "fc7"}) {
            x = write.linear(x, name, write.scaled(network.hidden_units));
            x = write.relu(x, std::string(name) + ".relu");
            x = write.dropout(x, std::string(name) + ".dropout");
        }
    }
    if (!network.channel_per_class || head == Head::fc) x = write.linear(x, "classifier", options.classes);
    if (options.softmax) {
        x = write.softmax(write.renamed(x, "logits"), "softmax");
        write.output(x, "probabilities");
    } else {
        write.output(x, "logits");
    }
}

}  // namespace

const std::vector<std::string>& network_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const Network& network : networks) list.emplace_back(network.name);
        return list;
    }();
    return names;
}

Model build(const NetworkOptions& options) {
    check(options);
    const Network& network = find_network(options.name);
    // Once without weights, so that options which do not go together cost no memory.
    NetworkWriter trial(options, network.image_size, Weights::counted);
    write_network(trial, network);
    NetworkWriter write(options, network.image_size);
    write_network(write, network);
    return std::move(write.model());
}

}  // namespace locus::model
