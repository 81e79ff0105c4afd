#pragma once
// Decode attention where some slots are met at another distance than their own, as StreamingLLM and LM-Infinite have it for
// their sinks (core/methods/keep/keep_rule.h): a query is turned for each of these slots, and no stored key is touched.
//
// Truth: denseTruth, over keys that were turned instead; cpu::attendAll with TurnedSlots. C++17.

#include "core/kernels/cuda/attend.h"

namespace fovea::cuda {

// Slots of every KV head alike that are met by queries of their own. All pointers are device memory.
struct TurnedSlots {
    const std::int32_t* slots = nullptr; // (count) distinct; of a KV head that has no such live slot, nothing
    int count = 0;
    const float* q = nullptr; // (count, H, d) the queries that meet them
    float* scratch = nullptr; // (2, H)
};

// The step's sights must be there and hide these slots from all heads: of sinks, those of {0, position behind the last that
// is turned}. No report is told.
std::string refusal(const AttendAll& step, const TurnedSlots& turned);
// attendAll, and the turned slots in one launch more. Throws as it does.
void attendAll(const AttendAll& step, const TurnedSlots& turned, Stream stream);

} // namespace fovea::cuda
