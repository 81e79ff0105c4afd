#pragma once
// Dense decode attention: each query head against every live slot of its KV head, in one pass over K and V.
//
//   o_h = Σ_s p_hs v_s,  p_hs = exp(scale·q_h·k_s) / Σ_t exp(scale·q_h·k_t)      Vaswani et al. 2017, Eq. 1
//
// Decode is bound by memory, and one step has too few heads to fill a GPU: so the slots of a KV head are
// shared out over `splits` thread blocks (Flash-Decoding). Each leaves a softmax state (m, l, o) of its span:
// the largest score, the sum of 2^(score - m), and the values summed with the same weights; mergeSpans joins
// them. The query is scaled by log2(e) as it is loaded, so that exp becomes exp2, one instruction.
//
// attendSpan<T, kLanes, kGroup>, grid (tiles of query heads, splits, G)
//   block    128 threads: one span of one KV head, for up to kGroup of the query heads that share it
//   team     kLanes lanes, 8·kLanes ≥ d: takes every 128/kLanes-th row, with a softmax state of its own, so that
//            nothing waits at a barrier while rows stream in
//   thread   8 of the d components of q, K, V and o, for each of the kGroup heads; 4 rows in flight
//   shared   spanSharedBytes: the teams' states, 33 KiB for kGroup = 8
//   reads    each live row of K and V once per tile: 2·S·d·bytes per KV head while H/G ≤ 8; 16 bytes of block
//            tables per cache block; H·d floats of q per split
//   writes   H·d floats, or with splits > 1 H·splits·(d + 2)
//   work     4·S·d flops per query head
//   limits   d ≤ 256, rows of whole 16-byte words; 128 threads by launch bound, so that 255 registers are there:
//            nvcc 13.0 takes 53 to 255 (sm_80, sm_90) and spills none
//
// mergeSpans, grid (H)
//   block    128 threads: one query head
//   warp     the head's m and l, every warp for itself, so that there is no barrier and no shared memory
//   thread   every 128th component
//   reads    H·splits·(d + 2) floats, the states again by each warp
//   writes   H·d floats

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/attend_all_tile.h"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/row_share.cuh"

namespace fovea::cuda {

// kernels.h's AttendAll as the kernel wants it.
struct SpanArguments {
    const float* q;
    const void* const* keys;
    const void* const* values;
    std::int64_t blocksPerHead;
    const std::int64_t* slots;
    float* out;            // (H, d), written when there is one split
    float* partialOut;     // (H, splits, d), else
    float2* partialState;  // (H, splits) of (m, l)
    float queryScale;      // scale · log2(e)
    int group;             // H/G
    int headDim;
    int slotsPerBlock;
    int splits;
};

template <int kLanes>
constexpr int kTeams = kAttendThreads / kLanes;
template <int kLanes>
constexpr int kPaddedDim = kElements * kLanes;

template <int kLanes, int kGroup>
constexpr std::size_t spanSharedBytes() {
    constexpr int kStates = kGroup * kTeams<kLanes>;
    return sizeof(float) * kStates * (2 + kPaddedDim<kLanes>);  // m, l, o
}

// Softmax over the rows seen so far, of one query head: a thread holds its own components of o.
struct SoftmaxState {
    float largest = -INFINITY;  // m
    float sum = 0.0f;           // l
    float out[kElements] = {};  // o, not yet divided by l
};

// 2^(score - largest): the weight of a row; and, of a state whose maximum was `score`, the factor that brings
// its sums to the new maximum `largest`. -∞ stands for a row that is not live and for a state that has seen
// none: both weigh nothing, also where `largest` is -∞ and the difference NaN.
__device__ __forceinline__ float weightOf(float score, float largest) {
    return score == -INFINITY ? 0.0f : exp2f(score - largest);
}

// --- Phase 1: the queries of this tile, in the layout of the rows ------------------------------------------

template <class T, int kLanes, int kGroup>
__device__ __forceinline__ void loadQueries(const SpanArguments& a, int firstHead, int heads, int lane,
                                            float (&query)[kGroup][kElements]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int c = component<T, kLanes>(lane, e);
            const bool held = h < heads && c < a.headDim;
            query[h][e] =
                held ? a.q[static_cast<std::int64_t>(firstHead + h) * a.headDim + c] * a.queryScale : 0.0f;
        }
    }
}

// --- Phase 2: stream rows past the queries -----------------------------------------------------------------

// Online softmax (Milakov & Gimelshein 2018): the state moves to the new maximum, and one head's new scores
// become weights against it.
__device__ __forceinline__ void foldScores(float (&scores)[kRowsInFlight], SoftmaxState& state) {
    float largest = state.largest;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r)
        largest = fmaxf(largest, scores[r]);
    const float carried = weightOf(state.largest, largest);
    state.largest = largest;
    state.sum *= carried;
#pragma unroll
    for (int e = 0; e < kElements; ++e)
        state.out[e] *= carried;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        scores[r] = weightOf(scores[r], largest);
        state.sum += scores[r];
    }
}

// Rows first, first + kTeams, … of one block of the cache, as many as are in flight, those below `end` only.
// Called by whole warps, as teamSum needs, also by teams that have no row left.
template <class T, int kLanes, int kGroup>
__device__ __forceinline__ void attendRows(const T* keys, const T* values, int first, int end, int headDim,
                                           int lane, const float (&query)[kGroup][kElements],
                                           SoftmaxState (&state)[kGroup]) {
    RowShare<T> keyRows[kRowsInFlight], valueRows[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const int row = first + r * kTeams<kLanes>;
        const std::int64_t offset = static_cast<std::int64_t>(row) * headDim;
        keyRows[r] = loadShare<T, kLanes>(keys + offset, headDim, lane, row < end);
        valueRows[r] = loadShare<T, kLanes>(values + offset, headDim, lane, row < end);
    }

    float scores[kGroup][kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        float key[kElements];
        widen(keyRows[r], key);
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float dot = 0.0f;
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                dot += query[h][e] * key[e];
            dot = teamSum<kLanes>(dot);
            scores[h][r] = first + r * kTeams<kLanes> < end ? dot : -INFINITY;
        }
    }
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
        foldScores(scores[h], state[h]);

#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        float value[kElements];
        widen(valueRows[r], value);
#pragma unroll
        for (int h = 0; h < kGroup; ++h)
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                state[h].out[e] += scores[h][r] * value[e];
    }
}

// The span of split blockIdx.y, block by block of the cache: a block's address is looked up once.
template <class T, int kLanes, int kGroup>
__device__ __forceinline__ void attendSlots(const SpanArguments& a, int kvHead, int team, int lane,
                                            const float (&query)[kGroup][kElements],
                                            SoftmaxState (&state)[kGroup]) {
    constexpr int kStep = kTeams<kLanes> * kRowsInFlight;
    const std::int64_t slots = a.slots[kvHead];
    const std::int64_t share = (slots + a.splits - 1) / a.splits;
    const std::int64_t length = (share + kStep - 1) / kStep * kStep;  // whole steps; late spans may be empty
    const std::int64_t end = min((blockIdx.y + 1) * length, slots);

    for (std::int64_t slot = blockIdx.y * length; slot < end;) {
        const std::int64_t block = slot / a.slotsPerBlock;
        const std::int64_t blockBegin = block * a.slotsPerBlock;
        const int endRow =
            static_cast<int>(min(end - blockBegin, static_cast<std::int64_t>(a.slotsPerBlock)));
        const std::int64_t entry = kvHead * a.blocksPerHead + block;
        const T* keys = static_cast<const T*>(a.keys[entry]);
        const T* values = static_cast<const T*>(a.values[entry]);
        for (int row = static_cast<int>(slot - blockBegin); row < endRow; row += kStep)
            attendRows<T, kLanes, kGroup>(keys, values, row + team, endRow, a.headDim, lane, query, state);
        slot = blockBegin + endRow;
    }
}

// --- Phase 3: one state per head out of the teams' ---------------------------------------------------------

// (kGroup, kTeams) each; o (kGroup, kTeams, kPaddedDim)
struct TeamStates {
    Shared<float> largest, sum, out;
};

// Every team brings its states to the block's maximum, so that what is left is to add them up.
template <class T, int kLanes, int kGroup>
__device__ __forceinline__ void shareStates(const TeamStates& teams, int team, int lane,
                                            const SoftmaxState (&state)[kGroup]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
        if (lane == 0)
            teams.largest[h * kTeams<kLanes> + team] = state[h].largest;
    blockSync();

#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
        float largest = -INFINITY;
        for (int t = 0; t < kTeams<kLanes>; ++t)
            largest = fmaxf(largest, teams.largest[h * kTeams<kLanes> + t]);
        const float carried = weightOf(state[h].largest, largest);
        const int mine = h * kTeams<kLanes> + team;
        if (lane == 0)
            teams.sum[mine] = state[h].sum * carried;
#pragma unroll
        for (int e = 0; e < kElements; ++e)
            teams.out[mine * kPaddedDim<kLanes> + component<T, kLanes>(lane, e)] = state[h].out[e] * carried;
    }
    blockSync();
}

// --- Phase 4: out it goes ----------------------------------------------------------------------------------

template <int kLanes>
__device__ __forceinline__ void writeSpan(const SpanArguments& a, const TeamStates& teams, int firstHead,
                                          int heads) {
    for (int i = static_cast<int>(threadIdx.x); i < heads * a.headDim; i += kAttendThreads) {
        const int h = i / a.headDim, c = i % a.headDim;
        float largest = -INFINITY, sum = 0.0f, out = 0.0f;
        for (int t = 0; t < kTeams<kLanes>; ++t) {
            const int state = h * kTeams<kLanes> + t;
            largest = fmaxf(largest, teams.largest[state]);
            sum += teams.sum[state];
            out += teams.out[state * kPaddedDim<kLanes> + c];
        }
        const std::int64_t head = firstHead + h;
        if (a.splits == 1) {
            a.out[head * a.headDim + c] = sum == 0.0f ? 0.0f : out / sum;
        } else {
            const std::int64_t span = head * a.splits + blockIdx.y;
            a.partialOut[span * a.headDim + c] = out;
            if (c == 0)
                a.partialState[span] = make_float2(largest, sum);
        }
    }
}

template <class T, int kLanes, int kGroup>
__global__ void __launch_bounds__(kAttendThreads) attendSpan(SpanArguments a) {
    const int kvHead = static_cast<int>(blockIdx.z);
    const int firstOfGroup = static_cast<int>(blockIdx.x) * kGroup;
    const int heads = min(kGroup, a.group - firstOfGroup);
    const int firstHead = kvHead * a.group + firstOfGroup;
    const int team = static_cast<int>(threadIdx.x) / kLanes, lane = static_cast<int>(threadIdx.x) % kLanes;

    float query[kGroup][kElements];
    loadQueries<T, kLanes>(a, firstHead, heads, lane, query);

    SoftmaxState state[kGroup];
    attendSlots<T, kLanes>(a, kvHead, team, lane, query, state);

    SharedMemory shared = sharedMemory();
    TeamStates teams;
    teams.largest = shared.take<float>(kGroup * kTeams<kLanes>);
    teams.sum = shared.take<float>(kGroup * kTeams<kLanes>);
    teams.out = shared.take<float>(kGroup * kTeams<kLanes> * kPaddedDim<kLanes>);
    shareStates<T, kLanes>(teams, team, lane, state);
    writeSpan<kLanes>(a, teams, firstHead, heads);
}

// --- The second kernel: one output row out of a head's spans -----------------------------------------------

__global__ void __launch_bounds__(kAttendThreads)
    mergeSpans(const float* partialOut, const float2* partialState, float* out, int splits, int headDim) {
    const std::int64_t head = blockIdx.x;
    const float2* states = partialState + head * splits;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;

    // Phase 1: the head's maximum, then its sum.
    float largest = -INFINITY;
    for (int s = lane; s < splits; s += kWarp)
        largest = fmaxf(largest, states[s].x);
    largest = warpMax(largest);
    float sum = 0.0f;
    for (int s = lane; s < splits; s += kWarp)
        sum += states[s].y * weightOf(states[s].x, largest);
    sum = warpSum(sum);

    // Phase 2: each thread adds up its components.
    for (int c = static_cast<int>(threadIdx.x); c < headDim; c += kAttendThreads) {
        float total = 0.0f;
        for (int s = 0; s < splits; ++s)
            total += partialOut[(head * splits + s) * headDim + c] * weightOf(states[s].x, largest);
        out[head * headDim + c] = sum == 0.0f ? 0.0f : total / sum;
    }
}

}  // namespace fovea::cuda
