#pragma once
// Many tokens at once through libtorch's GEMM, dense, into the cache.

#include <cstdint>
#include <span>

#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct DecodeState;
class KvCache;

// Most tokens per call of prefillChunk: bounds the memory of scores to (g, kPrefillChunk, S) fp32, and what
// happens between two looks at a cancel flag.
inline constexpr std::int64_t kPrefillChunk = 128;

// Appends `tokens` at positions first.. to the cache (and capture) of every layer. Each attends to the rows
// as the cache holds them, in the store's precision, just as decode steps would. `length` is what dynamic
// RoPE takes for the sequence's: a prompt is turned as one, whatever the chunks.
void prefillChunk(const DecodeState& state, std::span<const int> tokens, std::int64_t first,
                  std::int64_t length);

// q (1, H, T, d) of the newest T tokens of `layer` against all S rows held, query i seeing rows 0 .. S - T +
// i, or the newest `window` of those (0: all).
at::Tensor cachedAttention(const at::Tensor& q, const KvCache& cache, int layer, const LogitRule& rule = {},
                           int window = 0);

} // namespace fovea
