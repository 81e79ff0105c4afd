#pragma once
// What a loader knows of one KV head's keys, or values, of which some are exact (mixed_rows.h).

#include <climits>
#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <simt.h>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/mixed_rows.h"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

constexpr std::int32_t kNoPlace = INT_MIN; // of a row that is not read

__device__ __forceinline__ float halfAt(const void* halves, int i) {
    return __half2float(__ushort_as_half(static_cast<const unsigned short*>(halves)[i]));
}

// Element c of a row of floats of a type that all threads have alike.
__device__ __forceinline__ float elementAt(ElementType type, const void* row, int c) {
    if (type == ElementType::F32)
        return static_cast<const float*>(row)[c];
    if (type == ElementType::F16)
        return __half2float(static_cast<const __half*>(row)[c]);
    return __bfloat162float(static_cast<const __nv_bfloat16*>(row)[c]);
}

// Whose tables a loader looks into: a KV head of a text (TextPlace).
struct TableHead {
    int kvHead;
    std::int64_t words = 0, mixedWords = 0;
};

class PartOfHead {
public:
    __device__ __forceinline__ PartOfHead(const MixedBlocks& mixed, const MixedPart& part, ElementType type,
                                          int headDim, const TableHead& of)
        : m_places(shifted(part.places, of.mixedWords) + of.kvHead * mixed.capacity),
          m_exact(part.exact != nullptr
                      ? static_cast<const unsigned char*>(part.exact[of.mixedWords + of.kvHead])
                      : nullptr),
          m_sides(part.sides != nullptr ? part.sides + of.mixedWords + of.kvHead * part.sideBlocksPerHead
                                        : nullptr),
          m_recordBytes(part.recordBytes), m_sideBytes(part.sideBytes), m_sidesPerBlock(part.sidesPerBlock),
          m_headDim(headDim), m_type(type) {}

    __device__ __forceinline__ int placeOf(int slot, bool live) const {
        return live ? m_places[slot] : kNoPlace;
    }
    __device__ __forceinline__ const unsigned char* record(const void* block, int row) const {
        return static_cast<const unsigned char*>(block) + static_cast<std::int64_t>(row) * m_recordBytes;
    }
    // The side that rows of `place` share.
    __device__ __forceinline__ const unsigned char* sideOf(int place) const {
        const int side = kOwnPlace - 1 - place, block = side / m_sidesPerBlock;
        return static_cast<const unsigned char*>(m_sides[block]) +
               static_cast<std::int64_t>(side - block * m_sidesPerBlock) * m_sideBytes;
    }
    // The exact row at `place`, in the components of `rows`. Such rows are few, and so read only as they are used: kept in
    // flight they would take eight registers each of all rows.
    template <class Rows>
    __device__ __forceinline__ void exactRow(const Rows& rows, int place, float (&out)[kElements]) const {
        const int e = m_type == ElementType::F32 ? 4 : 2;
        const unsigned char* const row = m_exact + static_cast<std::int64_t>(place) * m_headDim * e;
#pragma unroll
        for (int i = 0; i < kElements; ++i) {
            const int c = rows.component(i);
            out[i] = c < m_headDim ? elementAt(m_type, row, c) : 0.0f;
        }
    }

private:
    const std::int32_t* m_places;
    const unsigned char* m_exact;
    void* const* m_sides;
    int m_recordBytes, m_sideBytes, m_sidesPerBlock, m_headDim;
    ElementType m_type;
};

} // namespace fovea::cuda
