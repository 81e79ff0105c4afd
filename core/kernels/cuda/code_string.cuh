#pragma once
// Codes of b ≤ 10 bits one after the other, the lowest bit of a byte first: Coupled Quantisation's.

#include <simt.h>

namespace fovea::cuda {

// Code i. No byte behind its own is read.
__device__ __forceinline__ unsigned codeOfString(const unsigned char* bytes, int bits, int i) {
    if (bits == 8)
        return loadOnce(bytes + i);
    const int first = i * bits, last = (first + bits - 1) / 8;
    unsigned word = 0;
#pragma unroll 1 // unrolled, a thread's codes take nvcc three times as long
    for (int byte = last; byte >= first / 8; --byte)
        word = word << 8 | loadOnce(bytes + byte);
    return word >> first % 8 & ((1u << bits) - 1);
}

} // namespace fovea::cuda
