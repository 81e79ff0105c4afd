#pragma once
// SparQ, stage 3: the k tokens that matter, of one KV head, and the mass α they have.
//   reads   S·g fp32 logits, once (Scores)
//   writes  n = min(k, S) slots (Indices)
//   work    one comparison per token, and g exponentials when a group's softmaxes are added up; the bar is raised
//           a few times, by bisection over the candidates
// One task per KV head. A pass over the logits keeps those that beat the best k so far ("the bar"); kept ones
// carry their logits with them, so that α needs no second look. They stay in slot order throughout: the list
// comes out sorted, and a tie goes to the lower slot.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/traffic.h"
#include "core/methods/read/sparq.h"

namespace fovea::cpu {

// Scratch of one selection; keeps its capacity.
struct SlotCandidates {
    std::vector<float> values;        // what slots are compared by
    std::vector<std::int32_t> slots;
    std::vector<float> logits;        // (g, capacity)
    std::vector<std::int32_t> newest;  // ascending
    std::vector<std::int32_t> skipped; // ascending: what is not compared
};

// logits[h·stride + slot] of S slots; m, l (group) of each head's softmax over all of them, null when neither
// α nor a sum of softmaxes is wanted. Writes `chosen` (n, ascending) with the params.localTokens() newest in
// it, and `alpha` (group), 1 when params.alpha is off. `byAge` (S) are the slots by the age of their tokens,
// oldest first; null: in order. A single query head is compared by its logits, to which ŝ is monotone. A NaN
// counts as -inf. `unseen` slots, ascending, are neither looked at nor chosen: n is at most the number of the others.
void selectSlots(const SparqParams& params, const float* logits, std::int64_t stride, std::int64_t slots,
                 const std::int32_t* byAge, int group, const float* m, const float* l,
                 std::span<std::int32_t> chosen, float* alpha, SlotCandidates& candidates, Traffic& moved,
                 std::span<const std::int32_t> unseen = {});

// The best of values[0, count), those of `always` (ascending) among them whatever their value: `chosen` (n, ascending),
// n <= count. Reads every other value once (Scores) and writes n numbers (Indices). A NaN counts as -inf.
void selectValues(const float* values, std::int64_t count, std::span<const std::int32_t> always,
                  std::span<std::int32_t> chosen, SlotCandidates& candidates, Traffic& moved);

}  // namespace fovea::cpu
