#pragma once
// Sums of products of bytes, four in one instruction (dp4a), and the codes of packed rows as such bytes.

#include <simt.h>

#include "core/kernels/cuda/packed_codes.cuh"

namespace fovea::cuda {

constexpr unsigned kOneEach = 0x01010101u; // to add bytes up

// sum + Σ of the products of four unsigned bytes.
__device__ __forceinline__ unsigned addProducts(unsigned a, unsigned b, unsigned sum) {
#ifdef __CUDA_ARCH__
    return __dp4a(a, b, sum);
#else
    for (int i = 0; i < 4; ++i)
        sum += (a >> 8 * i & 0xffu) * (b >> 8 * i & 0xffu);
    return sum;
#endif
}

// A lane's eight codes, a byte each. Of 8 bits as they lie; of fewer codes 0, 4, 1, 5, then 2, 6, 3, 7, which is where two
// instructions for each word leave them.
template <int kBits>
__device__ __forceinline__ void codeBytes(const LaneCodes<kBits>& codes, unsigned (&bytes)[2]) {
    if constexpr (kBits == 8) {
        bytes[0] = codes.words[0], bytes[1] = codes.words[1];
    } else if constexpr (kBits == 4) {
        bytes[0] = codes.words[0] & 0x0f0f0f0fu;
        bytes[1] = codes.words[0] >> 4 & 0x0f0f0f0fu;
    } else {
        const unsigned pairs = codes.words[0] & 0xffffu, twice = pairs | pairs << 14;
        bytes[0] = twice & 0x03030303u;
        bytes[1] = twice >> 4 & 0x03030303u;
        if constexpr (kBits == 3) {
            const unsigned third = codes.words[0] >> 16; // bit k of code k
            const auto placed = [](unsigned bits) {      // bits 0, 4, 1 and 5 as the third of each byte
                return (bits & 1u) << 2 | (bits >> 4 & 1u) << 10 | (bits >> 1 & 1u) << 18 |
                       (bits >> 5 & 1u) << 26;
            };
            bytes[0] |= placed(third);
            bytes[1] |= placed(third >> 2);
        }
    }
}

} // namespace fovea::cuda
