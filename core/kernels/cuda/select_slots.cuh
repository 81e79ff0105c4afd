#pragma once
// The k tokens that matter, of one KV head, from the logits of all: SparQ's third stage and α, and top-k V's
// choice and weights.
//
//   i2 = topk_k(Σ over the group softmax(logits)), the newest tokens always among them;  α_h = Σ ŝ_h[i2]
//
// selectSlots, grid (G of each text)
//   block    512 threads: one KV head
//   shared   selectSharedBytes: choose_largest.cuh's, (m, l) per query head and, where slots are not in the order
//            of age, a bit per slot
//   reads    4·S bytes of logits five times, of which the first is from memory at worst; of a group of g > 1
//            4·S·g once and 4·S of its sums five times; (m, l) of every span; by sight 8 bytes of position per slot
//            beside each look
//   barriers 2 more than choose_largest.cuh's, by sight 3
//   writes   4 bytes per chosen slot; α, m and l per query head; of a group 4·S of scratch; 4·k·g of weights where
//            they are wanted
//   work     g·S exponentials of a group, g·k of α
//   limits   one block per KV head, so a single KV head of 10⁵ tokens is bound by one multiprocessor, about 5 µs per
//            look at 131072 logits, reasoned; nvcc 13.0 takes 56 registers (sm_90) and spills none

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/choose_largest.cuh"
#include "core/kernels/cuda/head_sight.cuh"
#include "core/kernels/cuda/reads_shape.h"
#include "core/kernels/cuda/selection.h"
#include "core/kernels/cuda/softmax_mass.cuh"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

inline std::size_t selectSharedBytes(int group, int bitWords) {
    const auto rounded = [](std::size_t bytes) { return (bytes + 15) / 16 * 16; };
    return choiceSharedBytes() + 2 * rounded(sizeof(float) * static_cast<std::size_t>(group)) +
           rounded(sizeof(unsigned) * static_cast<std::size_t>(bitWords)) +
           rounded(sizeof(unsigned) * static_cast<std::size_t>(2 + group));
}

struct SelectMemory {
    ChoiceMemory choice;
    Shared<float> tops, sums; // (group)
    Shared<unsigned> newest;  // a bit per slot
    // (2 + group) tokens that any head of the group sees: for sinks alone, and the others; then those that each sees.
    Shared<unsigned> seen;
};

// Of one KV head's slots, those that any of its query heads sees. In the order of age these are its oldest, which are sinks,
// and its newest.
struct SeenSlots {
    const HeadSight* sights = nullptr; // of the group; null: all are seen
    const std::int64_t* positions = nullptr;
    std::int64_t sinksEnd = 0, oldest = 0; // positions, of all heads together
    int sinks = 0, others = 0;

    __device__ __forceinline__ bool has(int slot) const {
        return sights == nullptr || positions[slot] < sinksEnd || positions[slot] >= oldest;
    }
};

// The newest tokens among those that are seen, by their place in the order of age.
struct NewestAges {
    int first, end;            // of those that are no sinks
    int firstSink, endOfSinks; // where these are too few

    __device__ __forceinline__ NewestAges(const SeenSlots& seen, int slots, int local)
        : first(slots - min(local, seen.others)), end(slots),
          firstSink(seen.sinks - max(0, local - seen.others)), endOfSinks(seen.sinks) {}
    __device__ __forceinline__ bool has(int age) const {
        return age >= first || (age >= firstSink && age < endOfSinks);
    }
};

// Is the slot one of the newest, which are chosen by right?
struct NewestSlots {
    Shared<unsigned> bits;
    bool inOrder;
    NewestAges ages; // slots, where they are in the order of age

    __device__ __forceinline__ bool has(int slot) const {
        return inOrder ? ages.has(slot) : (bits[slot / 32] >> (slot % 32) & 1) != 0;
    }
};

// --- Phase 1: (m, l) of each query head, and who is newest ---------------------------------------------------

__device__ __forceinline__ void joinSpans(const Selection& a, int firstHead, int slots,
                                          const SelectMemory& memory) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
    const int spans = (slots + a.slotsPerSpan - 1) / a.slotsPerSpan;
    for (int h = thread / kWarp; h < a.group; h += kChoiceWarps) {
        const float2 mass = mergedMass(
            reinterpret_cast<const float2*>(a.spanMass) + std::int64_t{firstHead + h} * a.spans, spans, lane);
        if (lane == 0) {
            memory.tops[h] = a.tops[firstHead + h] = mass.x;
            memory.sums[h] = a.sums[firstHead + h] = mass.y;
        }
    }
}

__device__ __forceinline__ void clearBits(const SelectMemory& memory, int slots) {
    for (int word = static_cast<int>(threadIdx.x); word * 32 < slots; word += kChoiceThreads)
        memory.newest[word] = 0;
}

__device__ __forceinline__ void markAges(const std::int32_t* byAge, int first, int end,
                                         const SelectMemory& memory) {
    for (int age = first + static_cast<int>(threadIdx.x); age < end; age += kChoiceThreads)
        addAtomically(memory.newest, byAge[age] / 32, 1u << (byAge[age] % 32)); // distinct slots: or is plus
}

// How many tokens the heads of a group see, into memory.seen, which is zeros.
__device__ __forceinline__ void countSeen(const SeenSlots& seen, int slots, int group,
                                          const SelectMemory& memory) {
    unsigned sinks = 0, others = 0;
    for (int slot = static_cast<int>(threadIdx.x); slot < slots; slot += kChoiceThreads) {
        const std::int64_t position = seen.positions[slot];
        if (position >= seen.oldest)
            ++others;
        else if (position < seen.sinksEnd)
            ++sinks;
    }
    addAtomically(memory.seen, 0, sinks);
    addAtomically(memory.seen, 1, others);
    for (int h = 0; h < group; ++h) {
        unsigned own = 0;
        for (int slot = static_cast<int>(threadIdx.x); slot < slots; slot += kChoiceThreads)
            own += sees(seen.sights[h], seen.positions[slot]);
        addAtomically(memory.seen, 2 + h, own);
    }
}

// Whom the group sees. By sight one barrier, and there must be one before, after memory.seen was cleared.
__device__ __forceinline__ SeenSlots seenSlots(const Selection& a, const OwnerPlace& at, int firstHead,
                                               int slots, const SelectMemory& memory) {
    SeenSlots seen;
    seen.others = slots;
    if (a.sights == nullptr)
        return seen;
    const int thread = static_cast<int>(threadIdx.x);
    seen.sights = a.sights + firstHead;
    seen.positions = a.positions[at.word()];
    seen.sinksEnd = seen.sights[0].sinks;
    seen.oldest = seen.sights[0].oldest;
    for (int h = 1; h < a.group; ++h) {
        seen.sinksEnd = max(seen.sinksEnd, seen.sights[h].sinks);
        seen.oldest = min(seen.oldest, seen.sights[h].oldest);
    }
    countSeen(seen, slots, a.group, memory);
    blockSync();
    seen.sinks = static_cast<int>(memory.seen[0]);
    seen.others = static_cast<int>(memory.seen[1]);
    for (int h = thread; a.seenTokens && h < a.group; h += kChoiceThreads)
        a.seenTokens[firstHead + h] = memory.seen[2 + h];
    return seen;
}

// --- Phase 2: what the slots of a group are compared by ------------------------------------------------------

__device__ __forceinline__ void sumGroup(const Selection& a, int firstHead, int slots, float* values,
                                         const SelectMemory& memory) {
    for (int slot = static_cast<int>(threadIdx.x); slot < slots; slot += kChoiceThreads) {
        float value = 0.0f;
        for (int h = 0; h < a.group; ++h) {
            const float logit = a.logits[(firstHead + h) * a.stride + slot];
            if (a.sumLogits)
                value += logit;
            else if (memory.sums[h] > 0.0f) // else nothing is live, or the head's logits are no numbers
                value += massOf(logit, memory.tops[h]) / memory.sums[h];
        }
        values[slot] = value;
    }
}

// --- Phase 4: α, a warp for each query head ------------------------------------------------------------------

__device__ __forceinline__ void weighChosen(const Selection& a, int kvHead, int n,
                                            const SelectMemory& memory) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
    const std::int32_t* const chosen = a.chosen + kvHead * a.most;
    for (int h = thread / kWarp; h < a.group; h += kChoiceWarps) {
        const std::int64_t head = std::int64_t{kvHead} * a.group + h;
        const float* const logits = a.logits + head * a.stride;
        const float sum = memory.sums[h];
        float mass = 0.0f;
        if (a.wantsAlpha && sum > 0.0f)
            for (int i = lane; i < n; i += kWarp) {
                const float own = massOf(logits[chosen[i]], memory.tops[h]);
                mass += own;
                if (a.weights)
                    a.weights[head * a.most + i] = own / sum;
            }
        else if (a.weights)
            for (int i = lane; i < n; i += kWarp)
                a.weights[head * a.most + i] = 0.0f;
        mass = warpSum(mass);
        if (lane == 0)
            a.alphas[head] = !a.wantsAlpha ? 1.0f : sum > 0.0f ? fminf(1.0f, mass / sum) : 0.0f;
    }
}

__global__ void __launch_bounds__(kChoiceThreads) selectSlots(Selection a) {
    const OwnerPlace at = ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.x));
    const int kvHead = at.owner, firstHead = kvHead * a.group;
    const int slots = static_cast<int>(a.slots[at.word()]);
    SharedMemory shared = sharedMemory();
    SelectMemory memory;
    memory.choice = takeChoiceMemory(shared);
    memory.tops = shared.take<float>(a.group);
    memory.sums = shared.take<float>(a.group);
    memory.newest = shared.take<unsigned>(a.bitWords);
    memory.seen = shared.take<unsigned>(2 + a.group);
    const bool inOrder = a.byAge == nullptr;

    joinSpans(a, firstHead, slots, memory);
    if (!inOrder)
        clearBits(memory, slots);
    for (int i = static_cast<int>(threadIdx.x); a.sights && i < 2 + a.group; i += kChoiceThreads)
        memory.seen[i] = 0;
    blockSync();
    const SeenSlots seen = seenSlots(a, at, firstHead, slots, memory);
    const int n = min(a.tokens, seen.sinks + seen.others), local = min(a.local, n);
    const NewestSlots newest{memory.newest, inOrder, NewestAges(seen, slots, local)};
    if (!inOrder) {
        const std::int32_t* const byAge = shifted(a.byAge, at.words) + at.own * a.ageStride;
        markAges(byAge, newest.ages.first, newest.ages.end, memory);
        markAges(byAge, newest.ages.firstSink, newest.ages.endOfSinks, memory);
    }

    const float* values = a.logits + firstHead * a.stride; // of one head logits have the order of its softmax
    if (a.group > 1) {
        float* const sums = a.values + kvHead * a.stride;
        sumGroup(a, firstHead, slots, sums, memory);
        values = sums;
    }

    // Phase 3: the choice
    std::int32_t* const chosen = a.chosen + kvHead * a.most;
    chooseLargest(
        memory.choice,
        [&](int slot) {
            return !seen.has(slot) ? kNeverKey : newest.has(slot) ? kFirstKey : orderedKey(values[slot]);
        },
        slots, n, [&](int place, int slot) { chosen[place] = slot; });
    blockSync();
    weighChosen(a, kvHead, n, memory);
    if (threadIdx.x == 0)
        a.counts[kvHead] = n;
}

} // namespace fovea::cuda
