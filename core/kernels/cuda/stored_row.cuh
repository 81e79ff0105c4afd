#pragma once
// One row of a cache and what hangs on it: written, read as it is stored, and its page's bounds widened. By a block of
// kRowThreads threads; each component is one thread's, c mod kRowThreads, but while groups are rounded, which are warps'.

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/code_bytes.cuh"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/row_parts.h"

namespace fovea::cuda {

constexpr int kRowThreads = 128;
constexpr int kRowWarps = kRowThreads / kWarp;

// A cache as its kernels see it.
struct CacheArguments {
    CacheBlocks cache;
    RowParts parts;
};

struct RowMemory {
    Shared<float> stored;   // (d) what a row stands for
    Shared<unsigned> codes; // (d)
};

inline std::size_t rowSharedBytes(int headDim) {
    return 2 * ((sizeof(float) * static_cast<std::size_t>(headDim) + 15) / 16 * 16);
}

__device__ __forceinline__ RowMemory takeRowMemory(SharedMemory& shared, int headDim) {
    RowMemory memory;
    memory.stored = shared.take<float>(headDim);
    memory.codes = shared.take<unsigned>(headDim);
    return memory;
}

// --- Elements ----------------------------------------------------------------------------------------------

__device__ __forceinline__ void convert(float value, float& to) {
    to = value;
}
__device__ __forceinline__ void convert(float value, __half& to) {
    to = __float2half(value);
}
__device__ __forceinline__ void convert(float value, __nv_bfloat16& to) {
    to = __float2bfloat16(value);
}
__device__ __forceinline__ float widened(float value) {
    return value;
}
__device__ __forceinline__ float widened(__half value) {
    return __half2float(value);
}
__device__ __forceinline__ float widened(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

// Where slot `slot` of a table of blocks lies.
struct RowPlace {
    unsigned char* block;
    int row;
};

__device__ __forceinline__ RowPlace placeOf(const CacheBlocks& cache, void* const* table, int kvHead,
                                            int slot) {
    const int block = slot / cache.slotsPerBlock;
    return {static_cast<unsigned char*>(table[kvHead * cache.blocksPerHead + block]),
            slot - block * cache.slotsPerBlock};
}

// --- RTN, as core/methods/quantise/rtn_group.cpp has it ------------------------------------------------------

struct GroupScale {
    unsigned short bits; // of the scale in binary16
    int zero;
};

// The scale and zero of a group of finite values between `least` and `most`. In fp64, as there: ties are then ties.
__device__ __forceinline__ GroupScale scaleOf(const RowCodes& codes, double least, double most) {
    constexpr double kLeastRange = 1e-5, kMostFreeZero = 21000;
    constexpr float kMostScale = 65504;
    const double levels = (1 << codes.bits) - 1, size = -least > most ? -least : most;
    const int middle = 1 << (codes.bits - 1);
    double s;
    if (codes.zeroBytes == 0) {
        s = (size > kLeastRange ? size : kLeastRange) / (middle - 1);
    } else {
        const double range = most - least;
        s = (range > kLeastRange ? range : kLeastRange) / levels;
        const double coarsest = size / kMostFreeZero;
        if (codes.zeroBytes == 2 && coarsest > s)
            s = coarsest;
    }
    const __half held = __float2half(static_cast<float>(s));
    GroupScale result{__half_as_ushort(held), 0};
    const float scale = __half2float(held);
    if (!(scale <= kMostScale))
        return result;
    double zero = codes.zeroBytes == 0 ? middle : -rint(least / static_cast<double>(scale));
    if (codes.zeroBytes == 1)
        zero = zero < 0 ? 0 : zero > levels ? levels : zero;
    result.zero = static_cast<int>(zero);
    return result;
}

__device__ __forceinline__ unsigned nearestCode(const RowCodes& codes, float value, float scale, int zero) {
    constexpr double kFar = 2147483648.0; // ends at the last code all the same
    const double levels = (1 << codes.bits) - 1;
    double steps = static_cast<double>(value) / static_cast<double>(scale);
    steps = rint(steps < -kFar ? -kFar : steps > kFar ? kFar : steps) + zero;
    return static_cast<unsigned>(steps < 0 ? 0 : steps > levels ? levels : steps);
}

// One group, by a warp: its codes, what they stand for, and its scale and zero in the block. Values that cannot be held
// come back as NaN.
__device__ __forceinline__ void roundGroup(const CacheArguments& a, const RowPlace& place, int group,
                                           const float* values, const RowMemory& memory) {
    constexpr unsigned short kNoScale = 0x7e00;
    const RowCodes& codes = a.cache.codes;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int first = group * codes.group, end = min(first + codes.group, a.cache.headDim);
    float least = values[first], most = least;
    bool finite = true;
    for (int c = first + lane; c < end; c += kWarp) {
        const float x = values[c];
        finite = finite && fabsf(x) < INFINITY;
        least = fminf(least, x);
        most = fmaxf(most, x);
    }
    least = -warpMax(-least);
    most = warpMax(most);
    finite = ballot(finite) == 0xffffffffu;
    GroupScale held{kNoScale, 0};
    if (finite)
        held = scaleOf(codes, least, most);
    const float scale = __half2float(__ushort_as_half(held.bits));
    const bool holds = scale < INFINITY;
    for (int c = first + lane; c < end; c += kWarp) {
        const unsigned code = holds ? nearestCode(codes, values[c], scale, held.zero) : 0;
        memory.codes[c] = code;
        memory.stored[c] = roundedProduct(static_cast<float>(code) - static_cast<float>(held.zero), scale);
    }
    if (lane != 0)
        return;
    const std::int64_t at = std::int64_t{group} * a.cache.slotsPerBlock + place.row;
    reinterpret_cast<unsigned short*>(place.block + a.parts.scales)[at] = held.bits;
    if (codes.zeroBytes == 1)
        place.block[a.parts.zeros + at] = static_cast<unsigned char>(held.zero);
    if (codes.zeroBytes == 2)
        reinterpret_cast<short*>(place.block + a.parts.zeros)[at] = static_cast<short>(held.zero);
}

// --- Rows --------------------------------------------------------------------------------------------------

// The row becomes `values`, and memory.stored what it then stands for, of which each thread may read its own components
// at once. One barrier where rows are codes.
template <class T>
__device__ __forceinline__ void writeRow(const CacheArguments& a, const RowPlace& place, const float* values,
                                         const RowMemory& memory) {
    const int thread = static_cast<int>(threadIdx.x), dims = a.cache.headDim;
    unsigned char* const row = place.block + std::int64_t{place.row} * a.parts.bytes;
    if (a.cache.codes.bits == 0) {
        for (int c = thread; c < dims; c += kRowThreads) {
            T element;
            convert(values[c], element);
            reinterpret_cast<T*>(row)[c] = element;
            memory.stored[c] = widened(element);
        }
        return;
    }
    for (int group = thread / kWarp; group < a.parts.groups; group += kRowWarps)
        roundGroup(a, place, group, values, memory);
    blockSync();
    for (int byte = thread; byte < a.parts.bytes; byte += kRowThreads)
        row[byte] = static_cast<unsigned char>(packedByte(a.cache.codes.bits, dims, byte, memory.codes));
}

// Component c of a row, as it is stored.
template <class T>
__device__ __forceinline__ float storedAt(const CacheArguments& a, const RowPlace& place, int c) {
    const unsigned char* const row = place.block + std::int64_t{place.row} * a.parts.bytes;
    const RowCodes& codes = a.cache.codes;
    if (codes.bits == 0)
        return widened(reinterpret_cast<const T*>(row)[c]);
    const std::int64_t at = std::int64_t{c / codes.group} * a.cache.slotsPerBlock + place.row;
    const unsigned char* const zeros = place.block + a.parts.zeros;
    int zero = 1 << (codes.bits - 1);
    if (codes.zeroBytes == 1)
        zero = zeros[at];
    if (codes.zeroBytes == 2)
        zero = reinterpret_cast<const short*>(zeros)[at];
    const float scale = __half2float(
        __ushort_as_half(reinterpret_cast<const unsigned short*>(place.block + a.parts.scales)[at]));
    const unsigned code = codeAt(codes.bits, a.cache.headDim, c, row);
    return roundedProduct(static_cast<float>(code) - static_cast<float>(zero), scale);
}

// The key of `slot`, in memory.stored, widens its page's bounds, or is their beginning. What is no number bounds nothing.
template <class T, int kThreads>
__device__ __forceinline__ void boundKey(const CacheArguments& a, int kvHead, int slot, bool begins,
                                         const RowMemory& memory) {
    const CacheBlocks& cache = a.cache;
    const int page = slot / cache.page, block = page / cache.pagesPerBlock;
    T* const least = static_cast<T*>(cache.bounds[kvHead * cache.boundBlocksPerHead + block]) +
                     std::int64_t{page - block * cache.pagesPerBlock} * 2 * cache.headDim;
    T* const most = least + cache.headDim;
    for (int c = static_cast<int>(threadIdx.x); c < cache.headDim; c += kThreads) {
        const float key = memory.stored[c];
        if (begins || key < widened(least[c]) || isnan(widened(least[c])))
            convert(key, least[c]);
        if (begins || key > widened(most[c]) || isnan(widened(most[c])))
            convert(key, most[c]);
    }
}

} // namespace fovea::cuda
