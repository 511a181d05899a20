#pragma once

/// Cutting work into passes: items of a batch, perturbed inputs, perturbed feature maps.
///
///     auto out = explain::run_in_passes(session, {{"input", images}, {"classes", classes}}, {}, {"maps"}, 16);
///     explain::batch_size(bytes_an_item, memory_limit);    // how many perturbed items a pass should take

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "locus/tensor.hpp"
#include "runtime/session.hpp"

namespace locus::explain {

/// `count` rows of the first dimension from `first` on; rows beyond the last are zero.
Tensor rows(const Tensor& tensor, std::int64_t first, std::int64_t count);

/// `count` copies of each row: [n, ...] becomes [n * count, ...].
Tensor repeated_rows(const Tensor& tensor, std::int64_t count);

/// Tensors one after another along the first dimension, cut to `count` rows.
Tensor joined_rows(const std::vector<Tensor>& parts, std::int64_t count);

/// Runs the session on all rows of `batched` (which have the same number of rows), `batch` rows a pass, and joins the
/// outputs. Where `whole_passes` is set, the last pass is filled up with zeros: for graphs that take just this many.
std::vector<Tensor> run_in_passes(const runtime::Session& session, const std::vector<runtime::Feed>& batched,
                                  const std::vector<runtime::Feed>& common, const std::vector<std::string>& outputs,
                                  std::int64_t batch, bool whole_passes = false);

/// Items a pass: as many as keep the values that pass between operators within the processor's cache, where that is
/// more than one, and within the memory limit always. `item_bytes` is the size of one item; a network's largest
/// intermediate results take several times as much.
std::int64_t batch_size(std::size_t item_bytes, std::size_t memory_limit);

}  // namespace locus::explain
