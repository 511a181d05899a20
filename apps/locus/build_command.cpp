/// `locus build`: networks with random weights, for trying and measuring.

#include <map>

#include <fmt/format.h>

#include "command.hpp"
#include "earlier_output.hpp"
#include "locus/error.hpp"
#include "locus/preprocessing.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "option_values.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

struct BuildArguments {
    model::NetworkOptions network;
    std::string head;
    std::filesystem::path out;
    bool folded = false, overwrite = false, quiet = false;
};

std::int64_t parameters(const model::Model& model) {
    std::int64_t count = 0;
    for (const auto& [name, tensor] : model.graph.initializers) {
        if (tensor.type() == DataType::float32 && tensor.rank() > 0) count += tensor.size();
    }
    return count;
}

void build(const BuildArguments& arguments) {
    static const std::map<std::string, model::Head> heads{
        {"gap", model::Head::gap}, {"gmp", model::Head::gmp}, {"sum", model::Head::sum}, {"fc", model::Head::fc}};
    model::NetworkOptions options = arguments.network;
    if (!arguments.head.empty()) options.head = heads.at(arguments.head);
    options.batch_norm = !arguments.folded;
    if (!arguments.overwrite)
        require_earlier_output(arguments.out, "a network that `locus build` made",
                               [](const model::Model& model) { return model.metadata.contains(model::built_key); });
    model::Model built = model::build(options);
    built.metadata[model::built_key] = fmt::format("{}, seed {}", options.name, options.seed);
    model::save(built, arguments.out);
    if (!arguments.quiet) {
        fmt::print("{}: {}, opset {}, {} {}, {:.2f} million parameters\n", text::to_utf8(arguments.out.string()),
                   options.name, options.opset, options.classes, options.classes == 1 ? "class" : "classes",
                   static_cast<double>(parameters(built)) / 1e6);
    }
}

}  // namespace

void add_build(CLI::App& app) {
    auto arguments = std::make_shared<BuildArguments>();
    model::NetworkOptions& network = arguments->network;
    CLI::App& command =
        *app.add_subcommand("build", "Write a network with random weights as an ONNX file, for tests and benchmarks");
    command.footer(fmt::format(
        "Networks: {}.\n"
        "The same options give the same file, on every machine.\n\n"
        "Examples:\n"
        "  locus build resnet50 -o resnet50.onnx\n"
        "  locus build googlenet-gap -o small.onnx --classes 10 --width 0.25 --size 128 --head gmp --opset 17",
        fmt::join(model::network_names(), ", ")));
    command.add_option("NAME", network.name, "The network")->required()->transform(in_any_case());
    command
        .add_option("-o,--out", arguments->out,
                    "The ONNX file to write; one that was built before is replaced, missing folders are made")
        ->required()
        ->type_name("FILE");
    command.add_option("-c,--classes", network.classes, "Number of classes")->capture_default_str()->type_name("N");
    command.add_option("-w,--width", network.width, "Multiplies channel counts")->capture_default_str()->type_name("X");
    command.add_option("-s,--size", network.image_size, "Side of the image in pixels (default: the network's own)")
        ->check(whole_number(1, most_input_side))
        ->type_name("N");
    command.add_option("--channels", network.channels, "Channels of the image")->capture_default_str()->type_name("N");
    command.add_option("--opset", network.opset, "Version of ONNX's operator set, 7 to 21")
        ->capture_default_str()
        ->type_name("N");
    command
        .add_option("--head", arguments->head,
                    "gap, gmp, sum: global average, maximum or sum pooling and a linear layer; fc: fully connected "
                    "(default: the network's own)")
        ->transform(in_any_case())
        ->check(CLI::IsMember({"gap", "gmp", "sum", "fc"}))
        ->type_name("HEAD");
    command.add_option("--batch", network.batch, "Fixed batch size (default: any)")
        ->check(whole_number(1, 65536))
        ->type_name("N");
    command.add_flag("--dynamic-size", network.dynamic_size, "Leave the image's height and width open");
    command.add_flag("--folded", arguments->folded, "Without batch normalisation, as if folded into the convolutions");
    command.add_flag("--softmax", network.softmax, "End in Softmax");
    command.add_option("--seed", network.seed, "Seed of the weights")
        ->capture_default_str()
        ->check(whole_number())
        ->type_name("N");
    command.add_flag("--overwrite", arguments->overwrite, "Replace FILE, whatever it is");
    command.add_flag("-q,--quiet", arguments->quiet, "Say nothing");
    command.callback([arguments] { build(*arguments); });
}

}  // namespace locus::command
