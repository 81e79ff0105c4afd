#pragma once
// Scales and zeros of packed rows (PackedRows in gemv.h), and codes as numbers about their zero.

#include <cstdint>

#include "core/kernels/cuda/gemv.h"
#include "core/kernels/cuda/packed_codes.cuh"

namespace fovea::cuda {

constexpr int kPairs = kLaneCodes / 2; // of a lane's codes: the least that always share a group
constexpr float kTwoTo23 = 8388608.0f; // whose last bit is 1
constexpr unsigned kBitsOfTwoTo23 = 0x4b000000u;

// Scale (binary16, lower half) and zero (signed, upper half) of a group, in one word for one shuffle.
template <int kBits>
__device__ __forceinline__ unsigned groupWord(const PackedRows& form, const unsigned char* row,
                                              std::int64_t groups, std::int64_t group) {
    const auto bytePair = [&](std::int64_t at) { return row[at] | static_cast<unsigned>(row[at + 1]) << 8; };
    unsigned zero = 1u << (kBits - 1);
    if (form.zeros == PackedRows::Zeros::Packed)
        zero = codeAt<kBits>(row + form.zerosAt, groups, group);
    if (form.zeros == PackedRows::Zeros::Wide)
        zero = bytePair(form.zerosAt + 2 * group);
    return bytePair(2 * group) | zero << 16;
}

struct Group {
    float scale = 0;
    float base = 0; // 2^23 + z
};

__device__ __forceinline__ Group groupOf(unsigned word) {
    __half_raw scale;
    scale.x = static_cast<unsigned short>(word);
    return {__half2float(__half(scale)), kTwoTo23 + static_cast<float>(static_cast<short>(word >> 16))};
}

__device__ __forceinline__ float centred(unsigned code, const Group& group) {
    return floatOf(kBitsOfTwoTo23 | code) - group.base;
}

// Which group a column of a unit is in. The quotient of a unit by those of a group is by a product in fp32, which is
// exact for 2^21 units, since integer division would cost as much as the codes.
template <int kBits>
struct GroupsOfUnits {
    int group;
    float perUnit; // groups of a unit, where a group is one or more units

    __device__ __forceinline__ explicit GroupsOfUnits(int groupSize)
        : group(groupSize), perUnit(static_cast<float>(kUnitCodes) / static_cast<float>(groupSize)) {}

    // Pairs of a lane's codes that are sure to be in one group, a power of two.
    __device__ __forceinline__ int pairsAlike() const {
        if (group >= kUnitCodes)
            return kPairs;
        return kBits == 8 || group == 64 ? kPairs / 2 : 1;
    }
    __device__ __forceinline__ int of(int unit, int lane, int pair) const {
        if (group >= kUnitCodes)
            return static_cast<int>((static_cast<float>(unit) + 0.5f) * perUnit);
        const int column = columnInUnit<kBits>(kBits == 8 ? lane : 0, 2 * pair);
        return group == 64 ? 2 * unit + column / 64 : 4 * unit + column / 32;
    }
};

} // namespace fovea::cuda
