#include "explain/batches.hpp"

#include <algorithm>
#include <cstring>

#include "locus/error.hpp"

namespace locus::explain {
namespace {

std::size_t row_bytes(const Tensor& tensor) {
    return tensor.shape().at(0) == 0 ? 0 : tensor.bytes().size() / static_cast<std::size_t>(tensor.shape()[0]);
}

}  // namespace

Tensor rows(const Tensor& tensor, std::int64_t first, std::int64_t count) {
    if (first == 0 && count == tensor.shape().at(0)) return tensor;
    const std::size_t row = row_bytes(tensor);
    Shape shape = tensor.shape();
    shape[0] = count;
    Tensor part(tensor.type(), shape);
    const auto available = static_cast<std::size_t>(std::clamp<std::int64_t>(tensor.shape()[0] - first, 0, count));
    if (available * row != 0) {
        std::memcpy(part.mutable_bytes().data(), tensor.bytes().data() + static_cast<std::size_t>(first) * row,
                    available * row);
    }
    return part;
}

Tensor repeated_rows(const Tensor& tensor, std::int64_t count) {
    if (count == 1) return tensor;
    const std::size_t row = row_bytes(tensor);
    Shape shape = tensor.shape();
    shape[0] *= count;
    Tensor all(tensor.type(), shape);
    auto target = all.mutable_bytes();
    for (std::size_t i = 0; i < static_cast<std::size_t>(shape[0]); ++i) {
        const std::size_t source = i / static_cast<std::size_t>(count);
        if (row != 0) std::memcpy(target.data() + i * row, tensor.bytes().data() + source * row, row);
    }
    return all;
}

Tensor joined_rows(const std::vector<Tensor>& parts, std::int64_t count) {
    if (parts.size() == 1 && parts.front().shape().at(0) == count) return parts.front();
    Shape shape = parts.front().shape();
    shape[0] = count;
    Tensor all(parts.front().type(), shape);
    auto target = all.mutable_bytes();
    std::size_t done = 0;
    for (const Tensor& part : parts) {
        const std::size_t size = std::min(part.bytes().size(), target.size() - done);
        if (size != 0) std::memcpy(target.data() + done, part.bytes().data(), size);
        done += size;
    }
    return all;
}

std::vector<Tensor> run_in_passes(const runtime::Session& session, const std::vector<runtime::Feed>& batched,
                                  const std::vector<runtime::Feed>& common, const std::vector<std::string>& outputs,
                                  std::int64_t batch, bool whole_passes) {
    const std::int64_t count = batched.front().second.shape().at(0);
    std::vector<std::vector<Tensor>> parts(outputs.size());
    for (std::int64_t first = 0; first < count; first += batch) {
        const std::int64_t size = whole_passes ? batch : std::min(batch, count - first);
        std::vector<runtime::Feed> feeds;
        for (const auto& [name, tensor] : batched) feeds.emplace_back(name, rows(tensor, first, size));
        feeds.insert(feeds.end(), common.begin(), common.end());
        auto results = session.run(feeds, outputs);
        for (std::size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(std::move(results[i]));
    }
    std::vector<Tensor> all;
    for (const auto& part : parts) all.push_back(joined_rows(part, count));
    return all;
}

std::int64_t batch_size(std::size_t item_bytes, std::size_t memory_limit) {
    constexpr std::size_t intermediate =
        32;  // an early layer of 64 channels at half the size takes 16/3 of an image, and several live at once
    constexpr std::size_t cached = std::size_t{8} << 20;
    const std::size_t by_memory = memory_limit / std::max<std::size_t>(item_bytes * intermediate, 1);
    const std::size_t by_cache = std::max<std::size_t>(cached / std::max<std::size_t>(item_bytes, 1), 8);
    return static_cast<std::int64_t>(std::clamp<std::size_t>(std::min(by_memory, by_cache), 1, 64));
}

}  // namespace locus::explain
