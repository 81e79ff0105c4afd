#pragma once
// The few rows of a step that the loops want in another order: queries on the way in, outputs on the way out.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/kernels/cpu/attention.h"
#include "core/kernels/cpu/softmax_state.h"
#include "core/model/logit_rule.h"

namespace fovea::cpu {

// q (rows, d) times the scale of logits, in the order of arrangement.h for a cache of `type`; then the queries of
// `turned`, as many rows each. Good as long as `memory` is not resized.
const float* scaledQueries(ElementType type, int dims, std::int64_t rows, const float* q,
                           std::span<const TurnedSlots> turned, const LogitRule& rule,
                           LineFloats& memory);

// q in the order in which the loops take a group's heads, and where their outputs go in that order: q and out
// themselves where all heads see all that is held, which sets scratch.sight. Good until the next step.
struct InSight {
    const float* q;
    float* out;
};
InSight inSight(std::span<const KvView> heads, int group, const float* q, float* out,
                std::span<const HeadSight> sights, AttentionScratch& scratch);

// o / l of a state, in order: `out` (group, d).
void writeOutput(const KvView& head, const SoftmaxState& state, int group, float* out);

// Runs of at most `length` of every head's `count(head)` slots or pages: a task each, cut by the counts alone and never
// by the number of threads, so that sums are always formed in the same order.
template <class Count>
void cutIntoSpans(std::span<const KvView> heads, std::int64_t length, const Count& count,
                  std::vector<HeadSpan>& spans) {
    spans.clear();
    for (std::int64_t g = 0; g < std::ssize(heads); ++g) {
        const std::int64_t all = count(heads[static_cast<std::size_t>(g)]);
        for (std::int64_t first = 0; first < all; first += length)
            spans.push_back({g, first, std::min(all, first + length)});
    }
}

// Room is taken by powers of two, so that a text that grows takes some at few of its steps.
template <class Vector>
auto* sized(Vector& vector, std::int64_t n) {
    if (static_cast<std::size_t>(n) > vector.capacity())
        vector.reserve(std::bit_ceil(static_cast<std::size_t>(n)));
    vector.resize(static_cast<std::size_t>(n));
    return vector.data();
}

// A row of fp32 scores, so that each begins at a cache line of its own.
constexpr std::int64_t paddedRow(std::int64_t n) {
    return (n + 15) / 16 * 16;
}

} // namespace fovea::cpu
