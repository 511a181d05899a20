#include "train/training_state.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "text/quote.hpp"
#include "train/torch_types.hpp"
#include "train/training_log.hpp"

namespace locus::train {
namespace {

/// Calls `visit` with the kind, the name and the tensor of all that training changes.
template <typename Network, typename Visit>
void for_each_tensor(Network& network, Network& averaged, const WeightUpdate& update, const Visit& visit) {
    for (auto& parameter : network.parameters()) visit("parameter", parameter.name, parameter.value);
    for (auto& parameter : averaged.parameters()) visit("average", parameter.name, parameter.value);
    for (auto& [name, value] : network.statistics()) visit("statistic", name, value);
    for (auto& [name, value] : averaged.statistics()) visit("average-statistic", name, value);
    for (const auto& [name, value] : update.state()) visit("update", name, value);
}

std::string key_of(const std::string& kind, const std::string& name) { return kind + "/" + name; }

}  // namespace

Checkpoint checkpoint_of(const TrainingState& state, const RunSettings& settings, const Executor& network,
                         const Executor& averaged, const WeightUpdate& update) {
    Checkpoint checkpoint;
    checkpoint.state = nlohmann::json{{"epoch", state.epoch},
                                      {"step", state.step},
                                      {"steps", update.steps},
                                      {"anchor_step", state.anchor_step},
                                      {"anchor_progress", state.anchor_progress},
                                      {"planned_epochs", state.planned_epochs},
                                      {"size", state.size},
                                      {"loss_sum", state.loss_sum},
                                      {"right", state.right},
                                      {"seen", state.seen},
                                      {"epoch_seconds", state.seconds},
                                      {"waited", state.waited},
                                      {"settings", settings},
                                      {"finished", state.finished},
                                      {"history", to_json(state.history)}}
                           .dump();
    for_each_tensor(network, averaged, update,
                    [&](const std::string& kind, const std::string& name, const at::Tensor& value) {
                        checkpoint.tensors[key_of(kind, name)] = from_torch(value);
                    });
    return checkpoint;
}

TrainingState restored(const Checkpoint& checkpoint, const std::filesystem::path& file, const RunSettings& settings,
                       Executor& network, Executor& averaged, WeightUpdate& update) {
    const auto json = nlohmann::json::parse(checkpoint.state);
    if (!json.contains("settings")) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} does not say which photos and options it was made with, so an earlier Locus wrote "
                                "it; --overwrite in place of --resume begins anew",
                                file.string()));
    }
    const std::string differing = differences(settings, json.at("settings").get<RunSettings>(), "was");
    if (!differing.empty()) {
        throw Error(ErrorKind::usage, fmt::format("{}: {}; --resume goes on with what it was begun with, --overwrite "
                                                  "in its place begins anew",
                                                  file.string(), differing));
    }
    at::NoGradGuard no_gradients;
    for_each_tensor(
        network, averaged, update, [&](const std::string& kind, const std::string& name, const at::Tensor& value) {
            const auto found = checkpoint.tensors.find(key_of(kind, name));
            if (found == checkpoint.tensors.end() ||
                found->second.shape() != Shape(value.sizes().begin(), value.sizes().end())) {
                throw Error(ErrorKind::usage, fmt::format("{} was made with another network: {} is not as it was there",
                                                          file.string(), text::quote(name)));
            }
            value.copy_(to_torch(found->second));
        });
    update.steps = json.at("steps");

    TrainingState state;
    state.epoch = json.at("epoch");
    state.step = json.at("step");
    state.planned_epochs = json.at("planned_epochs");
    state.anchor_step = json.at("anchor_step");
    state.anchor_progress = json.at("anchor_progress");
    state.finished = json.at("finished");
    state.history = records_from_json(json.at("history"));
    state.size = json.at("size");
    state.loss_sum = json.at("loss_sum");
    state.right = json.at("right");
    state.seen = json.at("seen");
    state.seconds = json.at("epoch_seconds");
    state.waited = json.at("waited");
    return state;
}

bool is_finished(const Checkpoint& checkpoint) {
    return nlohmann::json::parse(checkpoint.state).value("finished", false);
}

}  // namespace locus::train
