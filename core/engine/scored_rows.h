#pragma once
// Who leaves one (layer, KV head) under a keep that scores tokens: the same for a running session, by its cache, and for
// a replay, by what was captured. Rows are named by their place in the order of their tokens' age, oldest first.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/traffic.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct AttentionPlan;
class RowScores;

// The rows of one KV head at the moment of asking.
struct AgedRows {
    std::span<const std::int32_t> byAge;     // slots, oldest token first
    std::span<const std::int64_t> positions; // by slot
};

// How many of the oldest the query at `next` no longer sees for the model's own window (0: none).
std::int64_t expiredRows(const AgedRows& rows, int modelWindow, std::int64_t next);
// Adds to `places`, ascending, those that leave before the query at `next` for their scores; the oldest, which are there
// already, leave anyway. `prompt`: tokens before the plan acted. Of plans whose keep hears reads.
void rankOut(const AttentionPlan& plan, int modelWindow, RowScores& scores, const AgedRows& rows,
             std::int64_t next, std::int64_t prompt, std::vector<std::int64_t>& places, Traffic& moved);
// Places, ascending, that SnapKV's vote puts out of a prompt of P > budget tokens. queries (g, t, d) of its last t, keys
// (P, d) in order, both fp32.
std::vector<std::int64_t> votedOut(const AttentionPlan& plan, const at::Tensor& queries,
                                   const at::Tensor& keys, const LogitRule& rule, Traffic& moved);

} // namespace fovea
