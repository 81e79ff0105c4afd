#pragma once
// The next token out of logits: the largest, or one drawn from softmax(logits/T) over the topK largest and of those the
// fewest that hold topP of the mass (Holtzman et al., arXiv 1904.09751), as core/engine/sampler.cpp has it.
//
// Nothing is sorted. In the Sampler's order (largest logit first, of equal ones the first token) all three limits are
// prefixes: the first k, the fewest whose mass reaches topP of theirs, and the fewest whose mass exceeds the draw, whose
// last is the token. The end of a prefix is found digit by digit of the logits' bits, the digit by the numbers and masses
// of all candidates that share the digits before. Masses are whole multiples of 2^-42 of the largest, so that their sums
// are the same in any order; they miss the Sampler's sums in double by so little (V·2^-43 at most) that a draw of 24 bits
// falls between the two about once in 2^30.
//
// findPeaks, grid (slices, rows)     the largest logit of every 2,048, and its token
//   block    256 threads; a thread keeps the best of eight logits, a warp of its lanes', one thread of the warps'
//   shared   a peak per warp
//   reads    each logit once                          writes  8 bytes a slice
// weighLogits, grid (slices, rows)   exp((logit - largest)/T) of each, in double as the Sampler has it
//   block    256 threads; every warp finds the row's largest in the slices' peaks itself, so no barrier
//   reads    each logit once, 8 bytes a slice         writes  8 bytes a logit
// choose, grid (rows)                the prefixes, one after the other
//   block    1,024 threads; 2,048 buckets of a digit of 11 bits, two a thread; four numbers of 32 bits each: how many, and
//            the mass in three parts, since 64 bits cannot be added to shared memory at once
//   shared   kChooseBytes, 33 KiB
//   reads    each logit four times per limit that there is and for the draw, masses of those that share the digits
//   limits   V ≤ 2^18: 14 bits of each candidate's mass then fit a part's 32
//   speed    one block per row: bound by the adds to shared memory of the first digit, of which lanes with the same one
//            wait for each other (reasoned, not measured)
//   nvcc     13.0: 18, 32 and 52 registers (sm_80, sm_90), none spilt

#include <cstdint>

#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/sampling.h"
#include "core/kernels/cuda/sampling_slices.h"

namespace fovea::cuda {

// ChooseTokens as the kernels want it.
struct ChooseArguments {
    ChooseTokens step;
    int slices;
    Peak* peaks;           // (rows, slices)
    std::uint64_t* masses; // (rows, V), in 2^-42
    double* sums;          // (rows, slices), for surprises
};

constexpr int kMassBits = 42;

// A logit that is no number is never chosen; and −0 is 0, as comparisons have it.
__device__ __forceinline__ float cleanLogit(float logit) {
    return logit == logit ? logit + 0.0f : -INFINITY;
}

// Ordered as floats are, the largest first: 0 stands for the largest there is.
__device__ __forceinline__ unsigned descendingKey(float logit) {
    const unsigned bits = bitsOf(cleanLogit(logit));
    return bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
}

__device__ __forceinline__ Peak betterOf(const Peak& a, const Peak& b) {
    return b.logit > a.logit || (b.logit == a.logit && b.token < a.token) ? b : a;
}

// The best of a warp's, in every lane.
__device__ __forceinline__ Peak warpPeak(Peak mine) {
#pragma unroll
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
        const int other = (static_cast<int>(threadIdx.x) % kWarp) ^ distance;
        const float logit = floatOf(shuffle(bitsOf(mine.logit), other));
        const int token = static_cast<int>(shuffle(static_cast<unsigned>(mine.token), other));
        mine = betterOf(mine, {logit, token});
    }
    return mine;
}

__device__ __forceinline__ Peak peakOfRow(const ChooseArguments& a, int row) {
    Peak best{-INFINITY, a.step.vocabulary};
    for (int i = static_cast<int>(threadIdx.x) % kWarp; i < a.slices; i += kWarp)
        best = betterOf(best, a.peaks[static_cast<std::int64_t>(row) * a.slices + i]);
    return warpPeak(best);
}

__global__ void __launch_bounds__(kSliceThreads) findPeaks(ChooseArguments a) {
    constexpr int kWarps = kSliceThreads / kWarp;
    const int row = static_cast<int>(blockIdx.y), slice = static_cast<int>(blockIdx.x);
    const float* const logits = a.step.logits + static_cast<std::int64_t>(row) * a.step.vocabulary;
    const int end = min((slice + 1) * kSliceLogits, a.step.vocabulary);
    Peak best{-INFINITY, a.step.vocabulary};
    for (int i = slice * kSliceLogits + static_cast<int>(threadIdx.x); i < end; i += kSliceThreads)
        best = betterOf(best, {cleanLogit(logits[i]), i});
    best = warpPeak(best);

    const Shared<Peak> ofWarps = sharedMemory().take<Peak>(kWarps);
    if (threadIdx.x % kWarp == 0)
        ofWarps[threadIdx.x / kWarp] = best;
    blockSync();
    if (threadIdx.x != 0)
        return;
    for (int warp = 1; warp < kWarps; ++warp)
        best = betterOf(best, ofWarps[warp]);
    a.peaks[static_cast<std::int64_t>(row) * a.slices + slice] = best;
}

__global__ void __launch_bounds__(kSliceThreads) weighLogits(ChooseArguments a) {
    const int row = static_cast<int>(blockIdx.y), slice = static_cast<int>(blockIdx.x);
    const std::int64_t first = static_cast<std::int64_t>(row) * a.step.vocabulary;
    const float largest = peakOfRow(a, row).logit;
    const int end = min((slice + 1) * kSliceLogits, a.step.vocabulary);
    for (int i = slice * kSliceLogits + static_cast<int>(threadIdx.x); i < end; i += kSliceThreads) {
        const double away = static_cast<double>(cleanLogit(a.step.logits[first + i])) - largest;
        const double p = exp(away / a.step.temperature);
        constexpr double kOne = static_cast<double>(std::uint64_t{1} << kMassBits);
        // Where the largest is infinite the mass means nothing, and nobody asks for it.
        a.masses[first + i] = p >= 0 && p <= 1 ? static_cast<std::uint64_t>(p * kOne + 0.5) : 0;
    }
}

// --- The third kernel --------------------------------------------------------------------------------------

constexpr int kChooseThreads = 1024, kChooseWarps = kChooseThreads / kWarp;
constexpr int kDigitBits = 11, kBuckets = 1 << kDigitBits;
constexpr int kBucketsOfThread = kBuckets / kChooseThreads;
constexpr int kParts = 4; // of a bucket: how many, and the mass in three
constexpr int kPartBits = 14;
constexpr std::size_t kChooseBytes = sizeof(unsigned) * (kParts * kBuckets + 3 * kChooseWarps + 8);

// Some candidates: how many, and their mass.
struct Sum {
    unsigned count = 0;
    std::uint64_t mass = 0;

    __device__ __forceinline__ Sum operator+(const Sum& other) const {
        return {count + other.count, mass + other.mass};
    }
    __device__ __forceinline__ Sum operator-(const Sum& other) const {
        return {count - other.count, mass - other.mass};
    }
};

// Where a prefix ends: with the first `count` that have this key; and the mass of all of it.
struct Cut {
    unsigned key = 0;
    unsigned ties = 0;
    std::uint64_t mass = 0;
};

struct ChooseMemory {
    Shared<unsigned> buckets; // (kParts, kBuckets)
    Shared<unsigned> warps;   // (3, kChooseWarps): sums of warps, in parts of 32 bits
    Shared<unsigned> found;   // (8): what one thread tells the others
};

__device__ __forceinline__ unsigned low(std::uint64_t x) {
    return static_cast<unsigned>(x);
}
__device__ __forceinline__ unsigned high(std::uint64_t x) {
    return static_cast<unsigned>(x >> 32);
}
__device__ __forceinline__ std::uint64_t joined(unsigned highPart, unsigned lowPart) {
    return static_cast<std::uint64_t>(highPart) << 32 | lowPart;
}

__device__ __forceinline__ Sum sumOfLane(const Sum& mine, int lane) {
    return {shuffle(mine.count, lane), joined(shuffle(high(mine.mass), lane), shuffle(low(mine.mass), lane))};
}

// The sum of all threads before this one. There must be a barrier before it is asked again.
__device__ __forceinline__ Sum sumBefore(const ChooseMemory& memory, const Sum& mine) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
    Sum upToMe = mine;
#pragma unroll
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const Sum before = sumOfLane(upToMe, lane < distance ? lane : lane - distance);
        if (lane >= distance)
            upToMe = upToMe + before;
    }
    if (lane == kWarp - 1) {
        memory.warps[warp] = upToMe.count;
        memory.warps[kChooseWarps + warp] = low(upToMe.mass);
        memory.warps[2 * kChooseWarps + warp] = high(upToMe.mass);
    }
    blockSync();
    Sum before;
    for (int w = 0; w < warp; ++w)
        before = before + Sum{memory.warps[w],
                              joined(memory.warps[2 * kChooseWarps + w], memory.warps[kChooseWarps + w])};
    return before + (upToMe - mine);
}

__device__ __forceinline__ Sum bucket(const ChooseMemory& memory, int digit) {
    std::uint64_t mass = 0;
#pragma unroll
    for (int part = kParts - 1; part > 0; --part)
        mass = (mass << kPartBits) + memory.buckets[part * kBuckets + digit];
    return {memory.buckets[digit], mass};
}

__device__ __forceinline__ void addToBucket(const ChooseMemory& memory, int digit, std::uint64_t mass) {
    addAtomically(memory.buckets, digit, 1);
#pragma unroll
    for (int part = 1; part < kParts; ++part) {
        const auto rest = static_cast<unsigned>(mass >> (part - 1) * kPartBits);
        const unsigned mine = part == kParts - 1 ? rest : rest & ((1u << kPartBits) - 1);
        if (mine != 0)
            addAtomically(memory.buckets, part * kBuckets + digit, mine);
    }
}

// The shortest prefix of one row's candidates that has `need` of them, or where byMass at least the mass `need`. Not
// more than all of them have.
struct PrefixSearch {
    const float* logits;
    const std::uint64_t* masses;
    int vocabulary;
    bool byMass;
    std::uint64_t need;

    __device__ __forceinline__ bool reached(const Sum& sum) const {
        return byMass ? sum.mass >= need : sum.count >= need;
    }

    // The number and mass of candidates by the digit from bit `shift` on, of those whose digits before are the prefix's.
    __device__ __forceinline__ void fillBuckets(const ChooseMemory& memory, unsigned prefix, int prefixShift,
                                                int shift) const {
        for (int i = static_cast<int>(threadIdx.x); i < kParts * kBuckets; i += kChooseThreads)
            memory.buckets[i] = 0;
        blockSync();
        for (int i = static_cast<int>(threadIdx.x); i < vocabulary; i += kChooseThreads) {
            const unsigned key = descendingKey(logits[i]);
            if (prefixShift >= 32 || key >> prefixShift == prefix)
                addToBucket(memory, static_cast<int>(key >> shift & (kBuckets - 1)), masses[i]);
        }
        blockSync();
    }

    // The bucket in which need is reached, and the sum of what lies before it, whose own part is added to `before`.
    __device__ __forceinline__ unsigned findBucket(const ChooseMemory& memory, Sum& before,
                                                   Sum& inside) const {
        const int first = static_cast<int>(threadIdx.x) * kBucketsOfThread;
        Sum mine;
#pragma unroll
        for (int b = 0; b < kBucketsOfThread; ++b)
            mine = mine + bucket(memory, first + b);
        Sum sum = before + sumBefore(memory, mine);
#pragma unroll
        for (int b = 0; b < kBucketsOfThread; ++b) {
            const Sum next = sum + bucket(memory, first + b);
            if (!reached(sum) && reached(next)) { // true of one bucket in the block
                memory.found[0] = static_cast<unsigned>(first + b);
                memory.found[1] = sum.count;
                memory.found[2] = low(sum.mass);
                memory.found[3] = high(sum.mass);
                memory.found[4] = next.count - sum.count;
                memory.found[5] = low(next.mass - sum.mass);
                memory.found[6] = high(next.mass - sum.mass);
            }
            sum = next;
        }
        blockSync();
        before = {memory.found[1], joined(memory.found[3], memory.found[2])};
        inside = {memory.found[4], joined(memory.found[6], memory.found[5])};
        return memory.found[0]; // which is written again only behind the barriers of fillBuckets
    }

    __device__ __forceinline__ Cut find(const ChooseMemory& memory) const {
        unsigned prefix = 0;
        Sum before, inside;
        int prefixShift = 32;
        while (prefixShift > 0) {
            const int shift = prefixShift > kDigitBits ? prefixShift - kDigitBits : 0;
            fillBuckets(memory, prefix, prefixShift, shift);
            const unsigned mask = (1u << (prefixShift - shift)) - 1;
            prefix = prefix << (prefixShift - shift) | (findBucket(memory, before, inside) & mask);
            prefixShift = shift;
        }
        // What is left has one logit, and so one mass. It is never empty, unless a test leaves out a barrier.
        const std::uint64_t each = inside.count == 0 ? 1 : inside.mass / inside.count;
        Cut cut;
        cut.key = prefix;
        cut.ties = byMass ? static_cast<unsigned>((need - before.mass + each - 1) / (each == 0 ? 1 : each))
                          : static_cast<unsigned>(need) - before.count;
        cut.mass = before.mass + cut.ties * each;
        return cut;
    }
};

// The `ties`-th token whose logit has the cut's key, told to tokens[row]. Each thread has a run of tokens, so that they
// are counted in their order.
__device__ __forceinline__ void writeToken(const PrefixSearch& row, const ChooseMemory& memory,
                                           const Cut& cut, int* token) {
    const int run = (row.vocabulary + kChooseThreads - 1) / kChooseThreads;
    const int first = static_cast<int>(threadIdx.x) * run, end = min(first + run, row.vocabulary);
    Sum mine;
    for (int i = first; i < end; ++i)
        mine.count += descendingKey(row.logits[i]) == cut.key ? 1u : 0u;
    unsigned count = sumBefore(memory, mine).count;
    if (count >= cut.ties || count + mine.count < cut.ties)
        return;
    for (int i = first; i < end; ++i) {
        count += descendingKey(row.logits[i]) == cut.key ? 1u : 0u;
        if (count == cut.ties) {
            *token = i;
            return;
        }
    }
}

// What lies at this fraction of the mass, rounded down: exact, for a draw is U/2^24. Always below the mass.
__device__ __forceinline__ std::uint64_t massAt(float draw, std::uint64_t mass) {
    const auto U = static_cast<std::uint64_t>(draw > 0 ? fminf(draw * 16777216.0f, 16777215.0f) : 0.0f);
    return U * (mass >> 24) + (U * (mass & 0xffffffu) >> 24);
}

__global__ void __launch_bounds__(kChooseThreads) choose(ChooseArguments a) {
    const int row = static_cast<int>(blockIdx.x);
    const Peak peak = peakOfRow(a, row);
    // At temperature 0, or where exp would have no meaning, the best it is. The whole block leaves.
    if (!(a.step.temperature > 0) || peak.logit == INFINITY || peak.logit == -INFINITY) {
        if (threadIdx.x == 0)
            a.step.tokens[row] = peak.token < a.step.vocabulary ? peak.token : 0;
        return;
    }
    SharedMemory shared = sharedMemory();
    ChooseMemory memory;
    memory.buckets = shared.take<unsigned>(kParts * kBuckets);
    memory.warps = shared.take<unsigned>(3 * kChooseWarps);
    memory.found = shared.take<unsigned>(8);

    const std::int64_t first = static_cast<std::int64_t>(row) * a.step.vocabulary;
    PrefixSearch search{a.step.logits + first, a.masses + first, a.step.vocabulary, false, 0};
    search.need =
        static_cast<std::uint64_t>(a.step.topK > 0 ? min(a.step.topK, a.step.vocabulary) : a.step.vocabulary);
    Cut cut = search.find(memory);
    search.byMass = true;
    if (a.step.topP < 1.0f) {
        const double enough = ceil(static_cast<double>(a.step.topP) * static_cast<double>(cut.mass));
        search.need = enough < 1.0 ? 1 : min(static_cast<std::uint64_t>(enough), cut.mass);
        cut = search.find(memory);
    }
    search.need = massAt(a.step.draws[row], cut.mass) + 1;
    writeToken(search, memory, search.find(memory), a.step.tokens + row);
}

} // namespace fovea::cuda
