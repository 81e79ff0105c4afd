#pragma once
// attend_turned.cuh over rows of which some are exact and the others codes.
//
// addTurnedMixed<Rows>, grid (query heads)
//   Rows     KiviRows, KvquantRows or CqRows, shared by 32 lanes
//   block    128 threads: one query head; all of them lay a slot's query out, the first warp meets the rows
//   thread   8 of the d components
//   shared   turnedMixedBytes, under 3 KiB
//   barriers two per slot but for the first one's first where Rows::kShares, else none
//   reads    a row of K and of V per slot and query head; d floats of the query per slot; d of the output; m, l
//   writes   H·d floats
//   limits   as attendMixed. Sinks are few: this is bound by the time of a launch

#include "core/kernels/cuda/attend_turned.cuh"
#include "core/kernels/cuda/turned_mixed.cuh"

namespace fovea::cuda {

struct TurnedMixedArguments {
    MixedSpan all; // whose q is that of the turned slots
    TurnedHeads turned;
};

template <class Rows>
__global__ void __launch_bounds__(kAttendThreads) addTurnedMixed(TurnedMixedArguments a) {
    const SpanArguments& step = a.all.span;
    const int lane = static_cast<int>(threadIdx.x) % kWarp, head = static_cast<int>(blockIdx.x);
    const int kvHead = head / step.headsPerKvHead;
    Rows rows(a.all, {kvHead}, lane);
    SoftmaxState state[1];
    for (int i = 0; i < a.turned.count; ++i) {
        const TurnedPlace at = turnedPlace(step, kvHead, a.turned.slots[i]);
        const float score = scoreTurnedRow(a.all, rows, kvHead, head, a.turned.heads, i, at);
        if (threadIdx.x >= kWarp || !at.live)
            continue;
        float weights[1][kRowsInFlight] = {{step.capScale != 0.0f ? cappedScore(score, step.capScale) : score,
                                            -INFINITY, -INFINITY, -INFINITY}};
        static_assert(kRowsInFlight == 4, "one row is met, and the others are none");
        typename Rows::Share values[kRowsInFlight];
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r)
            values[r] = rows.loadValue(r == 0 ? step.values[at.block] : nullptr, at.row, at.slot, r == 0);
        foldScores(weights[0], state[0]);
        addValues(rows, values, weights, true, 1u, state);
    }
    if (threadIdx.x < kWarp)
        addToOthers(step, a.turned, rows, head, state[0]);
}

} // namespace fovea::cuda
