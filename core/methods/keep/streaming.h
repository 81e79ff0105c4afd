#pragma once
// StreamingLLM: keep the first s tokens, which every later token leans on ("attention sinks"), and the newest
// w. Everything between leaves the cache for good, so a stream may go on for ever in constant memory.
//
// Paper     Xiao, Tian, Chen, Han, Lewis, "Efficient Streaming Language Models with Attention Sinks",
//           arXiv 2309.17453
// Symbols   s sinks, w window, p position of the query, E tokens evicted so far
// Sees      sinks, the w tokens before the current one, and the current one: s + w + 1 rows. The authors'
//           perplexity script evicts after the forward pass, so its queries see the same; their chat demo
//           evicts before it, to make room inside s + w.
// Positions `original`: RoPE by the position in the text. `cache`, the authors' way: by the rank in the
//           cache, so that no distance is ever longer than s + w. Only the sinks' distances change: they
//           shrink by E. The authors cache keys before RoPE and rotate all of them at every step; here the
//           stored keys stay as they are and the *query* is turned back by E positions for the s sinks alone,
//           which RoPE cannot tell apart and which moves no byte.
// Differs   the default is `original`, which goes together with every read; the authors have `cache` only.
//           The prompt is read densely, as in their demo; prefill=masked is their perplexity script's way.
// Defaults  s = 4, w = 512 as in the authors' cache class (2000 in their demo, 1 + 255 in the perplexity
//           script).

#include <cstdint>

#include "core/methods/keep/keep_rule.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

class RowTurn;

struct StreamingParams {
    enum class Positions : std::uint8_t { Original, Cache };

    int sinks = 4;    // s >= 0
    int window = 512; // w >= 0; s + w >= 1
    Positions positions = Positions::Original;

    bool operator==(const StreamingParams&) const = default;
};

KeepRule streamingRule(const StreamingParams& params);

// The truth, straight from the paper: q·k over the rows that are kept, each key and the query rotated to
// their ranks where positions=cache. q (g, d) fp32 after RoPE at its own position, the newest in `positions`;
// keys (n, d), positions (n) int64 -> (g, n).
at::Tensor streamingProducts(const StreamingParams& params, const at::Tensor& q, const at::Tensor& keys,
                             const at::Tensor& positions, const RowTurn& turn);

} // namespace fovea
