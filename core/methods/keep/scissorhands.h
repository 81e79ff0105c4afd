#pragma once
// Scissorhands: what mattered keeps mattering ("persistence of importance"), so a token that was below average for
// most of the recent queries can go. When the cache is full, the tokens that were so most often leave, many at once.
//
// Paper     Liu, Desai, Liao, Wang, Xie, Xu, Kyrillidis, Shrivastava, "Scissorhands: Exploiting the Persistence of
//           Importance Hypothesis for LLM KV Cache Compression at Test Time", arXiv 2305.17118, Algorithm 2
// Symbols   N budget, h history, w recent, m drop, p position of the query, S rows it sees, P prompt
// Count     of a token: how many of the last h queries gave it less than 1/S, the share that each of the S rows
//           they saw would have had alike. Of a KV head its g query heads' mean weight counts. The newest w stay; of
//           the others the m with the highest counts leave once more than N rows are held. Among equals the older.
// Sees      N rows at most and its own. From N + 1 the rows fall to N + 1 - m, and grow by one a step until full.
// Differs   no official code. The paper's t in 1/t is the length of the text; here it is the rows that the query can
//           see, which is the same until something has left. A weight counts as below from 1e-5 of it on, so that
//           rounding does not decide between equals. The paper gives higher layers larger caches; here all have N.
//           The prompt is cut down to N as decoding begins. In a layer with a sliding window of its own one token
//           leaves at a time: what falls out of the window makes room already.
// Shared    where layers read one KV their mean weight counts, over the query heads of all of them
// Defaults  h = 400, w = 10, m = N/2, as in the paper's experiments; N = 512.

#include <cstdint>
#include <optional>

#include "core/cache/traffic.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;

struct ScissorhandsParams {
    int budget = 512;  // N >= 1
    int history = 400; // h, 1..4096
    int recent = 10;   // w >= 0
    std::optional<int> drop =
        {}; // m >= 1, recent + drop <= budget; empty: half the budget, as far as that fits

    static constexpr int kLongestHistory = 4096;
    std::int64_t dropTokens() const;
    // fp32-sized words of bits that remember h queries of one row.
    std::int64_t words() const { return (history + 31) / 32; }
    bool operator==(const ScissorhandsParams&) const = default;
};

// Less than this share of the uniform weight is below it.
inline constexpr double kBelowUniform = 1 - 1e-5;

// Rows that the query at p >= prompt sees, its own included. `reach`: the model's own window, in a layer that has one.
std::int64_t scissorhandsSeen(const ScissorhandsParams& params, std::int64_t prompt,
                              std::optional<std::int64_t> reach, std::int64_t p);

// Bytes per row that hearing costs the `reader`th of the layers that read one KV.
std::int64_t scissorhandsHeardBytes(int reader, int readers);

// Formula: bytes of a layer's history that the step of `shape` reads and writes (all Scores), without what its read
// spends on reporting (scored_keep.h). Derivation beside the code.
Traffic predictScissorhands(const ScissorhandsParams& params, const StepShape& shape);
// Live bytes of one layer's histories.
Traffic predictHeldScissorhands(const ScissorhandsParams& params, std::int64_t rows, const StepShape& shape);

// The truth. weights (T, S) of T queries, the group's mean; seen (T, S) bool -> (T, S) bool: below the uniform weight
// of what its query saw.
at::Tensor belowUniform(const at::Tensor& weights, const at::Tensor& seen);
// below (T, n) of the last T <= h queries, positions (n) int64 -> the rows that stay when `leaving` go, ascending.
at::Tensor scissorhandsKept(const ScissorhandsParams& params, const at::Tensor& below,
                            const at::Tensor& positions, std::int64_t leaving);

} // namespace fovea
