#pragma once
// Many tokens at once through a GEMM (prompt_product.h) into the cache: a prompt, read densely or masked (core/plan/plan_prefill.h).

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>

#include "core/methods/keep/keep_rule.h"
#include "core/model/logit_rule.h"

namespace fovea {

struct DecodeState;
class KvCache;
class PromptRows;
class Sequence;
struct ModelSpec;
enum class Backend : std::uint8_t;

// Most tokens per call of prefillChunk: bounds the memory of scores to (g, kPrefillChunk, S) fp32, and what
// happens between two looks at a cancel flag.
inline constexpr std::int64_t kPrefillChunk = 128;

// Appends `tokens` to the cache (and capture) of every layer, which `text` is then to advance by. Each attends to the
// rows as the cache holds them, in the store's precision, just as decode steps would; or, where the plan says so, to the
// rows of this prompt as they came (prompt_rows.h). `length` is what dynamic
// RoPE takes for the sequence's: a prompt is turned as one, whatever the chunks.
void prefillChunk(const DecodeState& state, Backend backend, Sequence& text, std::span<const int> tokens,
                  std::int64_t length);

// What T queries of one KV head gave to S rows, by slot: weights (T, S) summed over the group, one that is no number as
// 0, and seen (T, S) bool.
using WeightListener = std::function<void(int kvHead, const at::Tensor& weights, const at::Tensor& seen)>;

// What the queries of a prompt see, and how; by default all that came before them.
struct PrefillSight {
    const LayerKeep* keep = nullptr; // null: each head sees all
    // Whose RoPE turns queries that meet sinks at another distance than their own; needed where the keep turns.
    const ModelSpec* spec = nullptr;
    LogitRule logits = {};
    const PromptRows* rows = nullptr; // as they came; null: as they are held
};

// K and V (S, d) fp32 of what a KV head holds for `layer`, at `positions` (S), by slot: as held, or as they came.
struct PromptKv {
    at::Tensor keys, values;
};
PromptKv promptKv(const KvCache& cache, int layer, int kvHead, const at::Tensor& positions,
                  const PromptRows* asTheyCame);

// q (1, H, T, d) of the newest T tokens of `layer` against the rows held. `listener`, where there is one, hears all
// heads in turn; heads must then see alike.
at::Tensor cachedAttention(const at::Tensor& q, const KvCache& cache, int layer,
                           const PrefillSight& sight = {}, const WeightListener& listener = {});

} // namespace fovea
