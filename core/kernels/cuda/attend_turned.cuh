#pragma once
// Slots that are met by queries of their own, added to what a query head was given by all others.
//
//   o = (o·l·2^(m - M) + Σ_s 2^(x_s - M) v_s) / (l·2^(m - M) + Σ_s 2^(x_s - M)),  M the largest of m and all x_s
//
// x_s the score of slot s with the query that was turned for it; m, l and o what the other slots left.
//
// addTurned<Rows>, grid (query heads in fours)
//   Rows     how rows lie, shared by 32 lanes: FloatRows or CodedRows
//   block    128 threads: four warps that never meet
//   warp     one query head, four slots at a time
//   thread   8 of the d components
//   shared   none, and no barrier
//   reads    a row of K and of V per slot and query head; d floats of the query per slot; d of the output; m, l
//   writes   H·d floats
//   limits   as attendSpan. Sinks are few: this is bound by the time of a launch
//   nvcc     13.0: 68 to 144 registers (sm_80, sm_90), none spilt

#include "core/kernels/cuda/attend_span.cuh"
#include "core/kernels/cuda/attend_turned.h"

namespace fovea::cuda {

constexpr int kTurnedHeads = kAttendThreads / kWarp; // of a block

struct TurnedHeads {
    const std::int32_t* slots;
    int count;
    const float* q;           // (count, H, d)
    int heads;                // H
    const float *tops, *sums; // (H) of what the other slots left
};

struct TurnedArguments {
    SpanArguments step;
    TurnedHeads turned;
};

// The state of the turned slots joins what is there, by a warp.
template <class Rows>
__device__ __forceinline__ void addToOthers(const SpanArguments& step, const TurnedHeads& turned,
                                            const Rows& rows, int head, const SoftmaxState& state) {
    const float others = turned.tops[head] * kLog2E, largest = fmaxf(others, state.largest);
    const float mass = turned.sums[head] * weightOf(others, largest),
                carried = weightOf(state.largest, largest);
    const float sum = mass + state.sum * carried;
    float* const out = step.out + static_cast<std::int64_t>(head) * step.headDim;
#pragma unroll
    for (int e = 0; e < kElements; ++e)
        if (const int c = rows.component(e); c < step.headDim)
            out[c] = sum == 0.0f ? 0.0f : (out[c] * mass + state.out[e] * carried) / sum;
}

// The same over mixed rows (attend_turned_mixed.cuh).
void addTurnedMixedRows(const AttendAll& step, const TurnedHeads& turned, Stream stream);

// What the row of a turned slot scores with the query that was turned for it.
template <class Rows>
__device__ __forceinline__ float scoreTurned(const TurnedArguments& a, const Rows& rows, int turned, int head,
                                             const typename Rows::Share& share, bool live) {
    const float* const q =
        a.turned.q + (static_cast<std::int64_t>(turned) * a.turned.heads + head) * a.step.headDim;
    float key[kElements], dot = 0.0f;
    rows.widen(share, key);
#pragma unroll
    for (int e = 0; e < kElements; ++e)
        if (const int c = rows.component(e); live && c < a.step.headDim)
            dot += q[c] * a.step.queryScale * key[e];
    const float score = warpSum(Rows::kScaled ? dot * rows.scale(share) : dot); // each lane's own group's
    if (!live)
        return -INFINITY;
    return a.step.capScale != 0.0f ? cappedScore(score, a.step.capScale) : score;
}

// Turned slots first … first + kRowsInFlight - 1.
template <class Rows>
__device__ __forceinline__ void attendTurned(const TurnedArguments& a, const Rows& rows, int head, int first,
                                             SoftmaxState (&state)[1]) {
    const SpanArguments& step = a.step;
    const int kvHead = head / step.headsPerKvHead;
    typename Rows::Share keys[kRowsInFlight], values[kRowsInFlight];
    unsigned seen = 0;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const int slot = first + r < a.turned.count ? a.turned.slots[first + r] : 0;
        const bool live = first + r < a.turned.count && slot < step.slots[kvHead];
        const int block = slot / step.slotsPerBlock, row = slot - block * step.slotsPerBlock;
        const std::int64_t at = kvHead * step.blocksPerHead + block;
        keys[r] = rows.load(live ? step.keys[at] : nullptr, row, live);
        values[r] = rows.load(live ? step.values[at] : nullptr, row, live);
        seen |= live ? 1u << r : 0u;
    }
    float weights[1][kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r)
        weights[0][r] = scoreTurned(a, rows, first + r, head, keys[r], (seen >> r & 1u) != 0);
    foldScores(weights[0], state[0]);
    addValues(rows, values, weights, true, seen, state);
}

template <class Rows>
__global__ void __launch_bounds__(kAttendThreads) addTurned(TurnedArguments a) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int head = static_cast<int>(blockIdx.x) * kTurnedHeads + static_cast<int>(threadIdx.x) / kWarp;
    if (head >= a.turned.heads)
        return; // the whole warp
    const Rows rows(a.step, lane);
    SoftmaxState state[1];
    for (int first = 0; first < a.turned.count; first += kRowsInFlight)
        attendTurned(a, rows, head, first, state);

    addToOthers(a.step, a.turned, rows, head, state[0]);
}

} // namespace fovea::cuda
