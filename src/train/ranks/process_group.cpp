#include "train/ranks/process_group.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>

#include <ATen/ATen.h>
#include <fmt/format.h>

#ifdef LOCUS_WITH_GLOO
#define USE_C10D_GLOO  // what LibTorch's own headers ask
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace locus::train {

LostRank::LostRank(const std::string& reason)
    : Error(ErrorKind::io, fmt::format("another rank has ended or cannot be reached ({})", reason)) {}

#ifdef LOCUS_WITH_GLOO

namespace {

constexpr std::chrono::minutes patience_to_meet{5}, patience{10};

/// The first line of what LibTorch says: behind it are addresses of functions.
std::string first_line(const char* what) {
    const std::string text(what);
    return text.substr(0, text.find('\n'));
}

/// Waiting for other ranks, with what can go wrong there as LostRank.
template <class Wait> void guarded(const Wait& wait) {
    try {
        wait();
    } catch (const c10::Error& error) {
        throw LostRank(first_line(error.what_without_backtrace()));
    } catch (const std::exception& error) {
        throw LostRank(first_line(error.what()));
    }
}

/// LibTorch from 2.4 on would use libuv, which not every build has.
template <class Options> void without_libuv(Options& options) {
    if constexpr (requires { options.useLibUV; }) options.useLibUV = false;
}

std::shared_ptr<::gloo::transport::Device> device_for(const RankEnvironment& ranks) {
    using Group = c10d::ProcessGroupGloo;
    if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) return Group::createDeviceForInterface(interface);
    if (ranks.host == "127.0.0.1" || ranks.host == "localhost") return Group::createDeviceForHostname("127.0.0.1");
    return Group::createDefaultDevice();
}

}  // namespace

struct ProcessGroup::Links {
    c10::intrusive_ptr<c10d::Store> store;
    std::shared_ptr<::gloo::transport::Device> device;
    std::vector<c10::intrusive_ptr<c10d::ProcessGroupGloo>> channels;
};

ProcessGroup::ProcessGroup(const RankEnvironment& ranks) : rank_(ranks.rank), size_(ranks.size) {
    if (size_ == 1) return;
    try {
        c10d::TCPStoreOptions options;
        options.port = ranks.port;
        options.isServer = rank_ == 0;
        options.numWorkers = static_cast<std::size_t>(size_);
        options.timeout = patience_to_meet;
        without_libuv(options);
        links_ = std::make_unique<Links>();
        links_->store = c10::make_intrusive<c10d::TCPStore>(ranks.host, options);
        links_->device = device_for(ranks);
        open_channels(1);
    } catch (const std::exception& error) {
        throw Error(ErrorKind::io, fmt::format("rank {} of {} does not meet the others at {}:{} ({}); MASTER_ADDR and "
                                               "MASTER_PORT say where rank 0 is, GLOO_SOCKET_IFNAME which network",
                                               rank_, size_, ranks.host, ranks.port, first_line(error.what())));
    }
}

void ProcessGroup::open_channels(std::size_t count) {
    if (!links_) return;
    while (links_->channels.size() < count) {
        auto options = c10d::ProcessGroupGloo::Options::create(patience);
        options->devices.push_back(links_->device);
        options->threads = 1;
        auto store =
            c10::make_intrusive<c10d::PrefixStore>(fmt::format("channel-{}", links_->channels.size()), links_->store);
        guarded([&] {
            links_->channels.push_back(c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank_, size_, options));
        });
    }
}

void ProcessGroup::sum(at::Tensor& values, std::size_t channel) const {
    if (!links_) return;
    std::vector<at::Tensor> tensors{values};
    guarded([&] { links_->channels.at(channel)->allreduce(tensors)->wait(); });
}

std::string ProcessGroup::broadcast(std::string text) const {
    if (!links_) return text;
    c10d::BroadcastOptions from_first;
    from_first.rootRank = 0;
    from_first.rootTensor = 0;
    std::vector<at::Tensor> size{at::full({1}, static_cast<std::int64_t>(text.size()), at::kLong)};
    guarded([&] { links_->channels[0]->broadcast(size, from_first)->wait(); });
    std::vector<at::Tensor> bytes{at::empty({size[0].item<std::int64_t>()}, at::kByte)};
    if (bytes[0].numel() == 0) return {};
    if (rank_ == 0) std::memcpy(bytes[0].data_ptr(), text.data(), text.size());
    guarded([&] { links_->channels[0]->broadcast(bytes, from_first)->wait(); });
    return {static_cast<const char*>(bytes[0].data_ptr()), static_cast<std::size_t>(bytes[0].numel())};
}

#else

struct ProcessGroup::Links {};

ProcessGroup::ProcessGroup(const RankEnvironment& ranks) : rank_(ranks.rank), size_(ranks.size) {
    if (size_ == 1) return;
    throw Error(ErrorKind::unsupported,
                fmt::format("{} started {} processes, but this Locus was built without Gloo: scripts/setup.sh train "
                            "installs it",
                            ranks.launcher, size_));
}

void ProcessGroup::open_channels(std::size_t) {}
void ProcessGroup::sum(at::Tensor&, std::size_t) const {}
std::string ProcessGroup::broadcast(std::string text) const { return text; }

#endif

ProcessGroup::~ProcessGroup() = default;

void ProcessGroup::sum(std::vector<double>& values) const {
    if (!is_parallel() || values.empty()) return;
    at::Tensor view = at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble);
    sum(view);
}

}  // namespace locus::train
