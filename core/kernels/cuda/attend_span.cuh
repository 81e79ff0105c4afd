#pragma once
// Decode attention: each query head against the live slots of its KV head, or those of a list, in one pass over K and V.
//
//   o_h = Σ_s p_hs v_s,  p_hs = exp(scale·q_h·k_s) / Σ_t exp(scale·q_h·k_t)      Vaswani et al. 2017, Eq. 1
//
// Decode is bound by memory, and one step has too few heads to fill a GPU: so the slots of a KV head are
// shared out over `splits` thread blocks (Flash-Decoding). Each leaves a softmax state (m, l, o) of its span:
// the largest score, the sum of 2^(score - m), and the values summed with the same weights; joinSpans joins
// them. The query is scaled by log2(e) as it is loaded, so that exp becomes exp2, one instruction.
//
// attendSpan<Rows, kLanes, kGroup, kListed>, grid (tiles of query heads, splits, owners of slots: G, or H for lists of
// query heads, of each text)
//   Rows     how rows lie and what a thread takes of them: FloatRows (float_rows.cuh) or CodedRows (coded_rows.cuh)
//   block    128 threads: one span of one owner's slots, for up to kGroup of its query heads
//   team     kLanes lanes, 8·kLanes ≥ d: takes every 128/kLanes-th row, with a softmax state of its own, so that
//            nothing waits at a barrier while rows stream in
//   thread   8 of the d components of q, K, V and o, for each of the kGroup heads; 4 rows of K and of V in flight
//   shared   spanSharedBytes: the teams' states, 33 KiB for kGroup = 8
//   reads    each row of K and V once per tile: 2·S·row bytes per KV head while H/G ≤ 8; 16 bytes of block
//            tables per cache block, or 4 + 16 per entry of a list; H·d floats of q per split. By sight 8 bytes of
//            position per slot, and no row that nobody sees; with known logits 4 bytes per head and entry instead of K
//   writes   H·d floats, or with splits > 1 H·splits·(d + 2); logits that are told of, 4·S·H
//   work     4·S·d flops per query head; of codes two to four instructions each beside, for all heads together
//   limits   d ≤ 256, 128 threads. nvcc 13.0 for sm_80 and sm_90: kGroup 1 to 128 registers, 2 and 4 to 168, 8 to 255
//            (leastBlocks); for sm_90 rows of floats and codes of one group spill 4 bytes at most, codes of small groups 68
//
// What is asked for beside attention (cap, sight, report, known logits) stands behind branches that all threads take
// alike, as instances would cost minutes of nvcc's time; where rows lie is the one axis of its own, for pointers of a list
// take the registers of another warp.

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/attend_output.cuh"
#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/row_places.cuh"
#include "core/kernels/cuda/softmax_state.cuh"
#include "core/kernels/cuda/span_arguments.h"

namespace fovea::cuda {

template <int kLanes>
constexpr int kPaddedDim = kElements* kLanes;

template <int kLanes, int kGroup>
constexpr std::size_t spanSharedBytes() {
    constexpr int kStates = kGroup * kTeams<kLanes>;
    return sizeof(float) * kStates * (2 + kPaddedDim<kLanes>); // m, l, o
}

// Looked up anew where it is wanted, for registers are wanted by rows.
__device__ __forceinline__ OwnerPlace placeOf(const SpanArguments& a) {
    return ownerPlace(a.batch, a.owners, static_cast<int>(blockIdx.z), a.splits);
}

template <int kGroup>
__device__ __forceinline__ SpanTask taskOf(const SpanArguments& a) {
    const int firstOfGroup = static_cast<int>(blockIdx.x) * kGroup;
    const OwnerPlace place = placeOf(a);
    SpanTask task;
    task.owner = place.owner;
    task.firstHead = place.owner * a.group + firstOfGroup;
    task.heads = min(kGroup, a.group - firstOfGroup);
    task.kvHead = (place.own * a.group + firstOfGroup) / a.headsPerKvHead;
    task.words = place.words;
    task.mixedWords = place.mixedWords;
    return task;
}

// --- Phase 1: the queries of this tile, in the layout of the rows ------------------------------------------

template <class Rows, int kGroup>
__device__ __forceinline__ void loadQueries(const SpanArguments& a, const SpanTask& task, const Rows& rows,
                                            float (&query)[kGroup][kElements]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
            const int c = rows.component(e);
            const bool held = h < task.heads && c < a.headDim;
            query[h][e] =
                held ? a.q[static_cast<std::int64_t>(task.firstHead + h) * a.headDim + c] * a.queryScale
                     : 0.0f;
        }
    }
}

// --- Phase 2: stream rows past the queries -----------------------------------------------------------------

// c·tanh(s/c) in base 2 (Gemma 2, arXiv 2408.00118, Section 2), within c·1e-7: a logit is wanted, not a small number's
// last bits.
__device__ __forceinline__ float cappedScore(float score, float capScale) {
    return capScale * (1.0f - 2.0f / (1.0f + exp2f(score)));
}

// scale·q·k of a team's rows, in base 2.
template <class Rows, int kLanes, int kGroup>
__device__ __forceinline__ void dotRows(const Rows& rows, const typename Rows::Share (&keys)[kRowsInFlight],
                                        const float (&query)[kGroup][kElements],
                                        float (&scores)[kGroup][kRowsInFlight]) {
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        float key[kElements];
        rows.widen(keys[r], key);
        const float scale = rows.scale(keys[r]);
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float dot = 0.0f;
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                dot += query[h][e] * key[e];
            scores[h][r] = teamSum<kLanes>(Rows::kScaled ? dot * scale : dot);
        }
    }
}

// The logits of a team's rows, for a report.
template <int kGroup>
__device__ __forceinline__ void spillLogits(const SpanArguments& a, const SpanTask& task,
                                            const RowPlaces& places,
                                            const float (&scores)[kGroup][kRowsInFlight]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r)
            if (h < task.heads && places.live[r])
                a.logits[(task.firstHead + h) * a.logitStride + places.entry[r]] = scores[h][r] * kLn2;
}

// o += Σ weight·value over the rows that each head sees: a value never meets another one, not even as 0 times it.
template <class Rows, int kGroup>
__device__ __forceinline__ void addValues(const Rows& rows,
                                          const typename Rows::Share (&values)[kRowsInFlight],
                                          const float (&weights)[kGroup][kRowsInFlight], bool parted,
                                          unsigned seen, SoftmaxState (&state)[kGroup]) {
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        float value[kElements];
        rows.widen(values[r], value);
        const float scale = rows.scale(values[r]);
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            if (parted && !(seen >> (h * kRowsInFlight + r) & 1u))
                continue;
            const float weight = Rows::kScaled ? weights[h][r] * scale : weights[h][r];
#pragma unroll
            for (int e = 0; e < kElements; ++e)
                state[h].out[e] += weight * value[e];
        }
    }
}

// What a team's rows weigh with each head that sees them, of which `scores` are the products.
template <int kGroup>
__device__ __forceinline__ void weighKeys(const SpanArguments& a, const SpanTask& task,
                                          const RowPlaces& places, bool firstLane,
                                          float (&scores)[kGroup][kRowsInFlight]) {
    if (a.capScale != 0.0f) {
#pragma unroll
        for (int h = 0; h < kGroup; ++h)
#pragma unroll
            for (int r = 0; r < kRowsInFlight; ++r)
                scores[h][r] = cappedScore(scores[h][r], a.capScale);
    }
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
#pragma unroll
        for (int r = 0; r < kRowsInFlight; ++r)
            if (!places.live[r])
                scores[h][r] = -INFINITY;
    if (a.logits && firstLane)
        spillLogits(a, task, places, scores);
    if (a.sights) {
#pragma unroll
        for (int h = 0; h < kGroup; ++h)
#pragma unroll
            for (int r = 0; r < kRowsInFlight; ++r)
                if (!(places.seen >> (h * kRowsInFlight + r) & 1u))
                    scores[h][r] = -INFINITY;
    }
}

// The team's values, by what its rows score.
template <class Rows, int kGroup>
__device__ __forceinline__ void
addWeighed(const Rows& rows, const typename Rows::Share (&values)[kRowsInFlight], bool parted, unsigned seen,
           float (&scores)[kGroup][kRowsInFlight], SoftmaxState (&state)[kGroup]) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h)
        foldScores(scores[h], state[h]);
    if (parted)
        addValues(rows, values, scores, true, seen, state);
    else
        addValues(rows, values, scores, false, seen, state);
}

// Called by whole warps, as teamSum needs, also by teams that have no row left.
template <class Rows, int kLanes, bool kListed, int kGroup>
__device__ __forceinline__ void
attendRows(const SpanArguments& a, const SpanTask& task, const Rows& rows, const RowPlaces& places,
           bool firstLane, const float (&query)[kGroup][kElements], SoftmaxState (&state)[kGroup]) {
    const bool known = kListed && a.known;
    typename Rows::Share keys[kRowsInFlight], values[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        keys[r] = rows.load(places.keys[r], places.row[r], places.live[r] && !known);
        values[r] = rows.load(places.values[r], places.row[r], places.live[r]);
    }

    float scores[kGroup][kRowsInFlight];
    unsigned seen = places.seen;
    if (known) {
        seen = knownScores(a, task, places, scores);
    } else {
        dotRows<Rows, kLanes>(rows, keys, query, scores);
        weighKeys(a, task, places, firstLane, scores);
    }
    addWeighed(rows, values, a.sights || known, seen, scores, state);
}

// The entries of split blockIdx.y, of so many: whole steps, and late spans may be empty.
struct SpanExtent {
    int begin, end;
};
template <int kStep>
__device__ __forceinline__ SpanExtent extentOf(const SpanArguments& a, int entries) {
    const int splits = placeOf(a).splits;
    const int steps = (entries + kStep - 1) / kStep;
    const int length = (steps + splits - 1) / splits * kStep;
    const int begin = static_cast<int>(
        min(static_cast<std::int64_t>(blockIdx.y) * length, static_cast<std::int64_t>(entries)));
    return {begin, begin + min(length, entries - begin)};
}

// The span of split blockIdx.y: block by block of the cache, or its entries of the list.
template <class Rows, int kLanes, int kGroup, bool kListed>
__device__ __forceinline__ void attendSlots(const SpanArguments& a, const SpanTask& task, const Rows& rows,
                                            int team, bool firstLane, const float (&query)[kGroup][kElements],
                                            SoftmaxState (&state)[kGroup]) {
    constexpr int kStep = kTeams<kLanes> * kRowsInFlight;
    const int entries = kListed ? a.listed[task.owner] : static_cast<int>(a.slots[task.words + task.kvHead]);
    const SpanExtent extent = extentOf<kStep>(a, entries);
    const int begin = extent.begin, end = extent.end;

    SlotRun run = {nullptr, nullptr, nullptr, 0, end};
    if (kListed)
        run.list = a.list + task.owner * a.listStride;
    for (int entry = begin; entry < end; entry = run.end) {
        if (!kListed) {
            const int block = entry / a.slotsPerBlock;
            const std::int64_t at = task.words + task.kvHead * a.blocksPerHead + block;
            run.blockBegin = block * a.slotsPerBlock;
            run.end = run.blockBegin + min(a.slotsPerBlock, end - run.blockBegin);
            run.keys = a.keys[at];
            run.values = a.values[at];
        }
        for (int first = entry; first < run.end; first += kStep) {
            RowPlaces places;
            findRows<kListed, kLanes>(a, task, run, first + team, places);
            if (a.sights)
                findSeen<kGroup>(a, task, places);
            attendRows<Rows, kLanes, kListed>(a, task, rows, places, firstLane, query, state);
        }
    }
}

// --- Phase 3: one state per head out of the teams' ---------------------------------------------------------

// (kGroup, kTeams) each; o (kGroup, kTeams, kPaddedDim)
struct TeamStates {
    Shared<float> largest, sum, out;
};

template <int kLanes, int kGroup>
__device__ __forceinline__ TeamStates takeTeamStates(SharedMemory& shared) {
    TeamStates teams;
    teams.largest = shared.take<float>(kGroup * kTeams<kLanes>);
    teams.sum = shared.take<float>(kGroup * kTeams<kLanes>);
    teams.out = shared.take<float>(kGroup * kTeams<kLanes> * kPaddedDim<kLanes>);
    return teams;
}

// Every team brings its states to the block's maximum, so that what is left is to add them up.
template <class Rows, int kLanes, int kGroup>
__device__ __forceinline__ void shareStates(const TeamStates& teams, const Rows& rows, int team, int lane,
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
            teams.out[mine * kPaddedDim<kLanes> + rows.component(e)] = state[h].out[e] * carried;
    }
    blockSync();
}

// --- Phase 4: out it goes ----------------------------------------------------------------------------------

template <int kLanes>
__device__ __forceinline__ void writeSpan(const SpanArguments& a, const SpanTask& task,
                                          const TeamStates& teams) {
    const OwnerPlace place = placeOf(a);
    const int firstOwn = task.firstHead - (place.owner - place.own) * a.group;
    for (int i = static_cast<int>(threadIdx.x); i < task.heads * a.headDim; i += kAttendThreads) {
        const int h = i / a.headDim, c = i % a.headDim;
        float largest = -INFINITY, sum = 0.0f, out = 0.0f;
        for (int t = 0; t < kTeams<kLanes>; ++t) {
            const int state = h * kTeams<kLanes> + t;
            largest = fmaxf(largest, teams.largest[state]);
            sum += teams.sum[state];
            out += teams.out[state * kPaddedDim<kLanes> + c];
        }
        const std::int64_t head = task.firstHead + h;
        if (place.splits == 1) {
            writeOutput(a, {head, firstOwn + h, place.words}, c, largest, sum, out);
        } else {
            const std::int64_t span = head * a.splits + blockIdx.y;
            a.partialOut[span * a.headDim + c] = out;
            if (c == 0) {
                a.partialState[2 * span] = largest;
                a.partialState[2 * span + 1] = sum;
            }
        }
    }
}

template <class Rows, int kLanes, int kGroup, bool kListed>
__global__ void __launch_bounds__(kAttendThreads, leastBlocks(kGroup)) attendSpan(SpanArguments a) {
    const SpanTask task = taskOf<kGroup>(a);
    if (static_cast<int>(blockIdx.y) >= placeOf(a).splits)
        return; // the whole block: another text has more splits
    const int team = static_cast<int>(threadIdx.x) / kLanes, lane = static_cast<int>(threadIdx.x) % kLanes;
    const Rows rows(a, lane);

    float query[kGroup][kElements];
    loadQueries(a, task, rows, query);

    SoftmaxState state[kGroup];
    attendSlots<Rows, kLanes, kGroup, kListed>(a, task, rows, team, lane == 0, query, state);

    SharedMemory shared = sharedMemory();
    const TeamStates teams = takeTeamStates<kLanes, kGroup>(shared);
    shareStates<Rows, kLanes>(teams, rows, team, lane, state);
    writeSpan<kLanes>(a, task, teams);
}

} // namespace fovea::cuda
