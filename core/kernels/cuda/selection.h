#pragma once
// What select_slots.cuh chooses from, for the launchers of the reads that have logits of all tokens. They share one
// kernel, compiled in select_slots.cu.

#include <cstdint>

#include "core/kernels/cuda/reads.h"
#include "core/kernels/cuda/reads_shape.h"

namespace fovea::cuda {

struct Selection {
    const float* logits; // (H, stride)
    std::int64_t stride;
    const float* spanMass;   // (H, spans, 2): m and l
    int spans, slotsPerSpan; // spans of the longest head
    const std::int64_t* slots;
    const std::int32_t* byAge; // (G, ageStride), or null
    std::int64_t ageStride;
    int kvHeads, group, tokens, local;
    bool sumLogits, wantsAlpha;
    float* values; // (G, stride) of scratch where a group has more than one head
    float *tops, *sums;
    std::int32_t* chosen; // (G, most)
    std::int64_t most;
    std::int32_t* counts;
    float* alphas;           // (H)
    float* weights;          // (H, most) exp(logit - m)/l of what was chosen; null: not wanted
    int bitWords;            // of shared memory, for `longest` slots
    const HeadSight* sights; // (H), or null
    const std::int64_t* const* positions;
    std::int64_t* seenTokens; // (H); null: not wanted
    TextBatch batch;
};

// What every read with logits of all tokens asks alike. Scratch is (m, l) of spans, then sums of groups.
inline Selection selectionOf(const ReadStep& step, const ReadLogits& logits, const ReadChoice& choice,
                             std::int64_t perSpan, float* scratch) {
    Selection a{};
    a.logits = logits.logits;
    a.stride = logits.stride;
    a.spanMass = scratch;
    a.spans = static_cast<int>(spansOf(step.longest, perSpan));
    a.slotsPerSpan = static_cast<int>(perSpan);
    a.slots = step.slots;
    a.sights = step.sights;
    a.positions = step.positions;
    a.kvHeads = step.kvHeads;
    a.group = step.group();
    a.batch = step.batch;
    a.values = scratch + 2 * std::int64_t{step.heads} * step.batch.all * a.spans;
    a.tops = logits.tops;
    a.sums = logits.sums;
    a.chosen = choice.slots;
    a.most = choice.most;
    a.counts = choice.counts;
    return a;
}

void selectBest(const Selection& selection, Stream stream);

} // namespace fovea::cuda
