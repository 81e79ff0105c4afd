#pragma once
// score_keys.cuh and score_turned_keys.cuh over keys of which some are exact and the others codes: exact logits of all slots.
//
// scoreMixedKeys<Rows, kLanes, kGroup>, grid (spans of kRowSpan slots, G, tiles of query heads)
//   Rows     KiviRows (kivi_rows.cuh), KvquantRows (kvquant_rows.cuh) or CqRows (cq_rows.cuh)
//   block, team, thread   as scoreKeys
//   shared   mixedKeyBytes: what Rows::Queries shares, and scoreKeys's; under 26 KiB
//   barriers 2, and one more where Rows::kShares
//   reads    as scoreKeys, 4 bytes of place per row, and of an exact row its elements instead of the record
//   writes, work   as scoreKeys, and what codes cost (the loaders')
//   limits   d ≤ 256, kGroup ≤ 8
//
// scoreTurnedMixedKeys<Rows>, grid (query heads)
//   block    128 threads: one query head; all of them lay a slot's query out, the first warp meets the key
//   shared   turnedMixedBytes, under 3 KiB
//   barriers two per slot but for the first one's first where Rows::kShares, else none
//   reads, writes   as scoreTurnedKeys

#include "core/kernels/cuda/score_keys.cuh"
#include "core/kernels/cuda/turned_mixed.cuh"

namespace fovea::cuda {

static_assert(kKeyThreads == kAttendThreads, "loaders of mixed rows share their queries by as many");

struct MixedKeyArguments {
    KeyArguments keys;
    MixedSpan all; // the same keys and queries as the loaders ask for them, scores being natural ones
};

template <class Rows, int kGroup>
constexpr std::size_t mixedKeyBytes() {
    return Rows::template Queries<kGroup>::kSharedBytes + keySharedBytes<kGroup>();
}

// As scoreRows: rows first, first + kTeams, … below `count` of the span.
template <class Rows, int kLanes, int kGroup>
__device__ __forceinline__ void
scoreMixedRows(const MixedKeyArguments& m, const SpanTask& task, const Rows& rows, std::int64_t begin,
               int first, int count, bool firstLane, typename Rows::template Queries<kGroup>& queries,
               const Shared<float>& logits) {
    constexpr int kTeams = kKeyThreads / kLanes;
    static_assert(kSpanSlots % (kTeams * kRowsInFlight) == 0, "no row is beyond the span");
    const KeyArguments& a = m.keys;
    typename Rows::Key keys[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const std::int64_t slot = begin + first + r * kTeams, block = slot / a.slotsPerBlock;
        const bool live = first + r * kTeams < count &&
                          seesAny(a, task.words + task.kvHead, task.firstHead, task.heads, slot);
        keys[r] =
            rows.loadKey(live ? a.keys[task.words + task.kvHead * a.blocksPerHead + block] : nullptr,
                         static_cast<int>(slot - block * a.slotsPerBlock), static_cast<int>(slot), live);
    }
    float scores[kGroup][kRowsInFlight];
    queries.score(m.all.span, task, rows, keys, scores);
    if (!firstLane)
        return;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        const int row = first + r * kTeams;
#pragma unroll
        for (int h = 0; h < kGroup; ++h)
            logits[h * kSpanSlots + row] = row < count ? capped(scores[h][r], a.softcap) : -INFINITY;
    }
}

template <class Rows, int kLanes, int kGroup>
__global__ void __launch_bounds__(kKeyThreads) scoreMixedKeys(MixedKeyArguments m) {
    const KeyArguments& a = m.keys;
    const OwnerPlace at = ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.y));
    const int thread = static_cast<int>(threadIdx.x);
    const std::int64_t slots = a.slots[at.word()], begin = std::int64_t{blockIdx.x} * kSpanSlots;
    if (begin >= slots)
        return; // the whole block
    const int count = static_cast<int>(min(slots - begin, std::int64_t{kSpanSlots}));
    const int firstOfGroup = static_cast<int>(blockIdx.z) * kGroup;
    SpanTask task = {at.owner, at.own, at.owner * a.group + firstOfGroup,
                     min(kGroup, a.group - firstOfGroup)};
    task.words = at.words;
    task.mixedWords = at.mixedWords;
    const int team = thread / kLanes, lane = thread % kLanes;

    SharedMemory shared = sharedMemory();
    Rows rows(m.all, tablesOf(task), lane);
    typename Rows::template Queries<kGroup> queries(m.all, task, rows, shared);
    const Shared<float> spanLogits = shared.take<float>(kGroup * kSpanSlots);
    const Shared<float> tops = shared.take<float>(kGroup * kKeyWarps);
    const Shared<float> sums = shared.take<float>(kGroup * kKeyWarps);
    if (Rows::kShares)
        blockSync(); // what the queries share is there
    for (int first = 0; first < count; first += kKeyThreads / kLanes * kRowsInFlight)
        scoreMixedRows<Rows, kLanes, kGroup>(m, task, rows, begin, first + team, count, lane == 0, queries,
                                             spanLogits);
    blockSync();
    float logits[kGroup][kSlotsPerThread];
    writeLogits<kGroup>(a, at.word(), task.firstHead, task.heads, begin, count, spanLogits, logits);
    float2* const mass = a.spanMass + std::int64_t{task.firstHead} * gridDim.x + blockIdx.x;
    writeMass<kKeyWarps>(logits, task.heads, tops, sums, mass, gridDim.x);
}

// --- Slots that are met by queries of their own ------------------------------------------------------------

struct TurnedMixedKeyArguments {
    KeyArguments keys;
    MixedSpan all; // whose q is that of the turned slots
    const std::int32_t* slots;
    int count;
    int heads; // H
    int spans; // of keys.spanMass
};

template <class Rows>
__global__ void __launch_bounds__(kKeyThreads) scoreTurnedMixedKeys(TurnedMixedKeyArguments a) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp, head = static_cast<int>(blockIdx.x);
    const int kvHead = head / a.keys.group;
    if (a.keys.slots[kvHead] == 0)
        return; // the whole block: there is no span
    Rows rows(a.all, {kvHead}, lane);
    float2* const mass = a.keys.spanMass + std::int64_t{head} * a.spans;
    const bool counts = threadIdx.x == 0;
    float top = counts ? mass->x : -INFINITY, sum = counts ? mass->y : 0.0f; // the first thread's count
    for (int i = 0; i < a.count; ++i) {
        const TurnedPlace at = turnedPlace(a.all.span, kvHead, a.slots[i]);
        const float score = scoreTurnedRow(a.all, rows, kvHead, head, a.heads, i, at);
        if (!counts || !at.live)
            continue;
        const float logit = capped(score, a.keys.softcap), larger = fmaxf(top, logit);
        sum = sum * massOf(top, larger) + massOf(logit, larger);
        top = larger;
        a.keys.logits[head * a.keys.stride + at.slot] = logit;
    }
    if (counts)
        *mass = make_float2(top, sum);
}

} // namespace fovea::cuda
