#pragma once
// Decode attention over rows of which some are exact and the others codes: attend_span.cuh's phases, with loaders to which
// keys and values are two things.
//
// attendMixed<Rows, kLanes, kGroup>, grid (tiles of query heads, splits, owners of slots)
//   Rows     KiviRows (kivi_rows.cuh), KvquantRows (kvquant_rows.cuh) or CqRows (cq_rows.cuh)
//   block, team, thread   as attendSpan: 128 threads, kLanes lanes with 8 components each, 4 rows in flight
//   shared   mixedSharedBytes: the teams' states, and what Rows::Queries shares
//   barriers 2, and one more where Rows::kShares
//   reads    as attendSpan 16 bytes of block tables and those of each record once, and 4 bytes of place per row of K and of
//            V; of an exact row its elements instead of the record
//   limits   d ≤ 256. nvcc 13.0 for sm_80 and sm_90: kGroup 1 to 128 registers, 4 to 168, 8 to 255, as attendSpan is dealt
//            them; up to 160 bytes are spilt (sm_90)
//
// Slots and lists are one instance here: a block's address is looked up for each row, which the first-level cache has.

#include <type_traits>

#include "core/kernels/cuda/attend_span.cuh"
#include "core/kernels/cuda/mixed_part.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

__device__ __forceinline__ TableHead tablesOf(const SpanTask& task) {
    return {task.kvHead, task.words, task.mixedWords};
}

template <class Rows, int kLanes, int kGroup>
constexpr std::size_t mixedSharedBytes() {
    return spanSharedBytes<kLanes, kGroup>() + Rows::template Queries<kGroup>::kSharedBytes;
}

template <int kLanes>
__device__ __forceinline__ void findMixedRows(const SpanArguments& a, const SpanTask& task, int first,
                                              int end, RowPlaces& places) {
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        places.entry[r] = first + r * kTeams<kLanes>;
        places.live[r] = places.entry[r] < end;
        places.slot[r] = 0;
        if (places.live[r])
            places.slot[r] = a.list ? a.list[task.owner * a.listStride + places.entry[r]] : places.entry[r];
    }
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const int block = places.slot[r] / a.slotsPerBlock;
        const std::int64_t at = task.words + task.kvHead * a.blocksPerHead + block;
        places.keys[r] = a.keys[at];
        places.values[r] = a.values[at];
        places.row[r] = places.slot[r] - block * a.slotsPerBlock;
    }
}

// Called by whole warps, as teamSum needs, also by teams that have no row left.
template <class Rows, int kGroup>
__device__ __forceinline__ void attendMixedRows(const SpanArguments& a, const SpanTask& task,
                                                const Rows& rows, const RowPlaces& places, bool firstLane,
                                                typename Rows::template Queries<kGroup>& queries,
                                                SoftmaxState (&state)[kGroup]) {
    const bool known = a.known;
    typename Rows::Key keys[kRowsInFlight];
    typename Rows::Share values[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        keys[r] = rows.loadKey(places.keys[r], places.row[r], places.slot[r], places.live[r] && !known);
        values[r] = rows.loadValue(places.values[r], places.row[r], places.slot[r], places.live[r]);
    }
    float scores[kGroup][kRowsInFlight];
    unsigned seen = places.seen;
    if (known) {
        seen = knownScores(a, task, places, scores);
    } else {
        queries.score(a, task, rows, keys, scores);
        weighKeys(a, task, places, firstLane, scores);
    }
    addWeighed(rows, values, a.sights || known, seen, scores, state);
}

template <class Rows, int kLanes, int kGroup>
__global__ void __launch_bounds__(kAttendThreads, leastBlocks(kGroup)) attendMixed(MixedSpan all) {
    constexpr int kStep = kTeams<kLanes> * kRowsInFlight;
    const SpanArguments& a = all.span;
    const SpanTask task = taskOf<kGroup>(a);
    if (static_cast<int>(blockIdx.y) >= placeOf(a).splits)
        return; // as attendSpan
    const int team = static_cast<int>(threadIdx.x) / kLanes, lane = static_cast<int>(threadIdx.x) % kLanes;
    SharedMemory shared = sharedMemory();
    Rows rows(all, tablesOf(task), lane);
    typename Rows::template Queries<kGroup> queries(all, task, rows, shared);
    if (Rows::kShares)
        blockSync(); // what the queries share is there

    SoftmaxState state[kGroup];
    const SpanExtent extent = extentOf<kStep>(
        a, a.list ? a.listed[task.owner] : static_cast<int>(a.slots[task.words + task.kvHead]));
    for (int first = extent.begin; first < extent.end; first += kStep) {
        RowPlaces places;
        findMixedRows<kLanes>(a, task, first + team, extent.end, places);
        if (a.sights)
            findSeen<kGroup>(a, task, places);
        attendMixedRows<Rows, kGroup>(a, task, rows, places, lane == 0, queries, state);
    }

    const TeamStates teams = takeTeamStates<kLanes, kGroup>(shared);
    shareStates<Rows, kLanes>(teams, rows, team, lane, state);
    writeSpan<kLanes>(a, task, teams);
}

template <class Rows, int kLanes, int kGroup>
void launchMixed(const MixedSpan& a, Stream stream) {
    const unsigned tiles = static_cast<unsigned>((a.span.group + kGroup - 1) / kGroup);
    const dim3 grid(tiles, static_cast<unsigned>(a.span.splits),
                    static_cast<unsigned>(a.span.owners * a.span.batch.count));
    launch(attendMixed<Rows, kLanes, kGroup>, grid, dim3(kAttendThreads),
           mixedSharedBytes<Rows, kLanes, kGroup>(), stream, a);
}

// The instance for the step's heads: teams of half a warp, or of a whole one; one query head, four or eight.
// `Rows` needs a name of its own in the whole program, also where it is local to a file: compilers know an alias by that alone.
template <template <int> class Rows>
void chooseMixed(const MixedSpan& a, Stream stream) {
    const auto ofLanes = [&](auto lanes) {
        constexpr int kLanes = decltype(lanes)::value;
        const int tile = queryTile(a.span.group, false);
        if (tile == 1)
            return launchMixed<Rows<kLanes>, kLanes, 1>(a, stream);
        if (tile == 4)
            return launchMixed<Rows<kLanes>, kLanes, 4>(a, stream);
        launchMixed<Rows<kLanes>, kLanes, 8>(a, stream);
    };
    if (a.span.headDim <= 16 * kElements)
        return ofLanes(std::integral_constant<int, 16>());
    ofLanes(std::integral_constant<int, 32>());
}

} // namespace fovea::cuda
