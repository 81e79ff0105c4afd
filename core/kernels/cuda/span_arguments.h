#pragma once
// attend.h's steps as the kernels of attend_span.cuh want them, and the launchers of their instances, one file per
// kind of rows.

#include <cstdint>

#include "core/kernels/cuda/attend.h"

namespace fovea::cuda {

struct SpanArguments {
    const float* q;
    const void* const* keys;
    const void* const* values;
    std::int64_t blocksPerHead;
    const std::int64_t* slots;

    const std::int32_t* list; // (owners, listStride); null: all slots
    const std::int32_t* listed;
    std::int64_t listStride;

    const HeadSight* sights; // null: every head sees all
    const std::int64_t* const* positions;

    const float* known; // (H, knownStride); null: logits are formed
    std::int64_t knownStride;
    const float *knownTops, *knownSums; // (H); null: of the listed alone

    float* logits; // (H, logitStride); null: kept nowhere
    std::int64_t logitStride;
    float *tops, *sums; // (H) of the report; null: none

    const float* alphas; // (H); null: no mean
    const float* valueSums;
    const std::int64_t* meanTokens;
    bool sumsPerHead;

    float* out;          // (H, d), written when there is one split
    float* partialOut;   // (H, splits, d), else
    float* partialState; // (H, splits, 2): m, l

    // A score is, in base 2, queryScale·q·k, or where logits are capped capScale·tanh(x), e^2x = 2^(queryScale·q·k).
    float queryScale;
    float capScale; // 0: no cap

    int owners;         // of slots to attend to, of each text: KV heads, or lists
    int group;          // query heads of an owner
    int headsPerKvHead; // H/G
    int headDim;
    int slotsPerBlock;
    int splits; // at most
    RowCodes codes;
    TextBatch batch;
};

// Each queues attendSpan over all owners.
void spansOfF32(const SpanArguments& a, Stream stream);
void spansOfF16(const SpanArguments& a, Stream stream);
void spansOfBF16(const SpanArguments& a, Stream stream);
void spansOfCodes8(const SpanArguments& a, Stream stream);
void spansOfCodes4(const SpanArguments& a, Stream stream);
void spansOfCodes3(const SpanArguments& a, Stream stream);
void spansOfCodes2(const SpanArguments& a, Stream stream);
// One output row per query head out of the states of its spans.
void joinSpans(const SpanArguments& a, Stream stream);

} // namespace fovea::cuda
