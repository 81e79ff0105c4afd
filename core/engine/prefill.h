#pragma once
// Many tokens at once through libtorch's GEMM, dense, into the cache.

#include <cstdint>
#include <functional>
#include <span>

#include "core/methods/keep/keep_rule.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct DecodeState;
class KvCache;
class Sequence;

// Most tokens per call of prefillChunk: bounds the memory of scores to (g, kPrefillChunk, S) fp32, and what
// happens between two looks at a cancel flag.
inline constexpr std::int64_t kPrefillChunk = 128;

// Appends `tokens` to the cache (and capture) of every layer, which `text` is then to advance by. Each attends to the
// rows as the cache holds them, in the store's precision, just as decode steps would. `length` is what dynamic
// RoPE takes for the sequence's: a prompt is turned as one, whatever the chunks.
void prefillChunk(const DecodeState& state, Sequence& text, std::span<const int> tokens, std::int64_t length);

// What T queries of one KV head gave to S rows, by slot: weights (T, S) summed over the group, one that is no number as
// 0, and seen (T, S) bool.
using WeightListener = std::function<void(int kvHead, const at::Tensor& weights, const at::Tensor& seen)>;

// q (1, H, T, d) of the newest T tokens of `layer` against the rows held, each query seeing what came before
// it and what `keep` lets it see, at its own distance. `listener`, where there is one, hears all heads in turn.
at::Tensor cachedAttention(const at::Tensor& q, const KvCache& cache, int layer, const KeepRule& keep = {},
                           const LogitRule& logits = {}, const WeightListener& listener = {});

} // namespace fovea
