#pragma once
// The n largest of many numbers, by one block: which tokens or pages a read takes, which a keep drops.
//
// Radix selection: the n-th largest key is found digit by digit, from the highest, by counting how many keys
// have each digit; then the indices of all larger keys, and of the first ones equal to it, are written in
// order. No sorting, no candidates: the keys are looked at five times (once per digit, once to see where each
// warp's indices go, once to write), and stay in the second-level cache meanwhile.
//
//   block    kChoiceThreads threads, all of which must call
//   warp     one run of the keys while indices are written, so that the result is ascending without a sort
//   thread   every kChoiceThreads-th key while digits are counted, four loads in flight
//   shared   choiceSharedBytes(), 8.4 KiB
//   barriers 13; none where all are chosen
// Ties go to the lowest index, as on the CPU (core/kernels/cpu/select_slots.h).

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/reduce.cuh"

namespace fovea::cuda {

constexpr int kChoiceThreads = 512;
constexpr int kChoiceWarps = kChoiceThreads / kWarp;
constexpr int kKeysInFlight = 4;
constexpr int kDigitBits = 11;
constexpr int kDigits = 1 << kDigitBits;

// In the order of the numbers, -∞ first. A NaN is the least of all; there is one zero.
__device__ __forceinline__ unsigned orderedKey(float value) {
    const unsigned bits = bitsOf(isnan(value) ? -INFINITY : value + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
constexpr unsigned kFirstKey = 0xffffffffu; // larger than that of any number: chosen whatever the others are
constexpr unsigned kNeverKey = 0;           // less than that of any number, be it none

struct ChoiceMemory {
    Shared<unsigned> counts;     // (kDigits)
    Shared<unsigned> warpTotals; // (kChoiceWarps)
    Shared<unsigned> equals;     // (kChoiceWarps)
    Shared<unsigned> digit; // (2): the one that the n-th largest key has, and how many keys are beyond it
};

constexpr std::size_t choiceSharedBytes() {
    return sizeof(unsigned) * (kDigits + 2 * kChoiceWarps + 4);
}

__device__ __forceinline__ ChoiceMemory takeChoiceMemory(SharedMemory& shared) {
    ChoiceMemory memory;
    memory.counts = shared.take<unsigned>(kDigits);
    memory.warpTotals = shared.take<unsigned>(kChoiceWarps);
    memory.equals = shared.take<unsigned>(kChoiceWarps);
    memory.digit = shared.take<unsigned>(2);
    return memory;
}

// Sum over the lanes up to this one.
__device__ __forceinline__ unsigned sumOfLanesUpTo(unsigned value, int lane) {
#pragma unroll
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const unsigned other = shuffle(value, max(lane - distance, 0));
        value += lane >= distance ? other : 0;
    }
    return value;
}

// --- One digit ---------------------------------------------------------------------------------------------

// Counts keys whose bits above `shift + kDigitBits` are those of `prefix` by the digit at `shift`.
template <class KeyAt>
__device__ __forceinline__ void countDigits(const ChoiceMemory& memory, const KeyAt& keyAt, int count,
                                            unsigned prefix, unsigned known, int shift) {
    const int thread = static_cast<int>(threadIdx.x);
    for (int digit = thread; digit < kDigits; digit += kChoiceThreads)
        memory.counts[digit] = 0;
    blockSync();
    for (int first = thread; first < count; first += kKeysInFlight * kChoiceThreads) {
        unsigned key[kKeysInFlight];
#pragma unroll
        for (int i = 0; i < kKeysInFlight; ++i)
            key[i] = first + i * kChoiceThreads < count ? keyAt(first + i * kChoiceThreads) : 0;
#pragma unroll
        for (int i = 0; i < kKeysInFlight; ++i)
            if (first + i * kChoiceThreads < count && (key[i] & known) == prefix)
                addAtomically(memory.counts, static_cast<int>(key[i] >> shift & (kDigits - 1)), 1);
    }
    blockSync();
}

// The digit at which the count from the top reaches `wanted`, and the count beyond it, in memory.digit. Each
// thread has a run of digits.
__device__ __forceinline__ void findDigit(const ChoiceMemory& memory, unsigned wanted) {
    constexpr int kRun = kDigits / kChoiceThreads;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
    const int top = kDigits - 1 - thread * kRun;
    unsigned own = 0;
#pragma unroll
    for (int i = 0; i < kRun; ++i)
        own += memory.counts[top - i];
    const unsigned upToHere = sumOfLanesUpTo(own, lane);
    if (lane == kWarp - 1)
        memory.warpTotals[warp] = upToHere;
    blockSync();
    unsigned beyond = upToHere - own;
    for (int w = 0; w < warp; ++w)
        beyond += memory.warpTotals[w];
    for (int i = 0; i < kRun; ++i) {
        const unsigned here = memory.counts[top - i];
        if (beyond < wanted && wanted <= beyond + here) { // of one digit only
            memory.digit[0] = static_cast<unsigned>(top - i);
            memory.digit[1] = beyond;
        }
        beyond += here;
    }
    blockSync();
}

// --- Indices -----------------------------------------------------------------------------------------------

// visit(index, key, live) for the run of this warp, by whole warps.
template <class KeyAt, class Visit>
__device__ __forceinline__ void eachOfWarp(const KeyAt& keyAt, int count, const Visit& visit) {
    constexpr int kStep = kKeysInFlight * kWarp;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
    const int steps = (count + kStep * kChoiceWarps - 1) / (kStep * kChoiceWarps);
    const int begin = warp * steps * kStep, end = min(begin + steps * kStep, count);
    for (int first = begin; first < end; first += kStep) {
        unsigned key[kKeysInFlight];
#pragma unroll
        for (int i = 0; i < kKeysInFlight; ++i)
            key[i] = first + i * kWarp + lane < end ? keyAt(first + i * kWarp + lane) : 0;
#pragma unroll
        for (int i = 0; i < kKeysInFlight; ++i)
            visit(first + i * kWarp + lane, key[i], first + i * kWarp + lane < end);
    }
}

// write(place, index) of every key beyond `bar`, and of the first `ties` that are equal to it. No place is n or
// beyond, whatever the keys: memory behind a list is somebody else's.
template <class KeyAt, class Write>
__device__ __forceinline__ void writeChosen(const ChoiceMemory& memory, const KeyAt& keyAt, int count, int n,
                                            unsigned bar, unsigned ties, const Write& write) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
    unsigned beyond = 0, equal = 0;
    eachOfWarp(keyAt, count, [&](int, unsigned key, bool live) {
        beyond += static_cast<unsigned>(countBits(ballot(live && key > bar)));
        equal += static_cast<unsigned>(countBits(ballot(live && key == bar)));
    });
    if (lane == 0) {
        memory.warpTotals[warp] = beyond;
        memory.equals[warp] = equal;
    }
    blockSync();
    beyond = equal = 0;
    for (int w = 0; w < warp; ++w) {
        beyond += memory.warpTotals[w];
        equal += memory.equals[w];
    }
    const unsigned before = (1u << lane) - 1;
    eachOfWarp(keyAt, count, [&](int index, unsigned key, bool live) {
        const unsigned beyondHere = ballot(live && key > bar), equalHere = ballot(live && key == bar);
        const unsigned beyondBefore = beyond + static_cast<unsigned>(countBits(beyondHere & before));
        const unsigned equalBefore = equal + static_cast<unsigned>(countBits(equalHere & before));
        const unsigned place = beyondBefore + min(equalBefore, ties);
        if (live && (key > bar || (key == bar && equalBefore < ties)) && place < static_cast<unsigned>(n))
            write(static_cast<int>(place), index);
        beyond += static_cast<unsigned>(countBits(beyondHere));
        equal += static_cast<unsigned>(countBits(equalHere));
    });
}

// write(place, index) for the n indices with the largest keyAt(index), 0 ≤ index < count: places ascend with
// indices. All threads of the block must call, with the same count and n. keyAt must give every thread the same key for
// an index; it is asked after a barrier, so that it may look at what the block wrote before the call. What is written is
// the others' after the next barrier.
template <class KeyAt, class Write>
__device__ __forceinline__ void chooseLargest(const ChoiceMemory& memory, const KeyAt& keyAt, int count,
                                              int n, const Write& write) {
    if (n >= count) {
        for (int i = static_cast<int>(threadIdx.x); i < count; i += kChoiceThreads)
            write(i, i);
        return;
    }
    if (n <= 0)
        return;
    unsigned bar = 0, known = 0, wanted = static_cast<unsigned>(n);
    // The last digit has ten bits of its own and one that is known: no digit need be narrower.
    for (const int shift : {32 - kDigitBits, 32 - 2 * kDigitBits, 0}) {
        countDigits(memory, keyAt, count, bar, known, shift);
        findDigit(memory, wanted);
        bar |= memory.digit[0] << shift;
        wanted -= memory.digit[1];
        known |= static_cast<unsigned>(kDigits - 1) << shift;
    }
    writeChosen(memory, keyAt, count, n, bar, wanted, write);
}

} // namespace fovea::cuda
