#pragma once
// The primitives our kernels are written in, as nvcc compiles them. tests/support/simt/simt.h has the same
// names for the host, and the include path decides which of the two <simt.h> is. What is not here, a kernel
// may not use: add it to both.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <type_traits>

#include "core/kernels/cuda/device/outcome.h"

namespace fovea::cuda {

// --- Shared memory: one region per block, sized at launch, carved up by every thread in the same way -------

template <class T>
using Shared = T*;

class SharedMemory {
public:
    explicit __device__ __forceinline__ SharedMemory(unsigned char* begin) : m_next(begin) {}

    // `count` elements, aligned to 16 bytes. Nothing is initialised.
    template <class T>
    __device__ __forceinline__ Shared<T> take(int count) {
        T* result = reinterpret_cast<T*>(m_next);
        m_next += (sizeof(T) * static_cast<std::size_t>(count) + 15) / 16 * 16;
        return result;
    }

private:
    unsigned char* m_next;
};

extern __shared__ __align__(16) unsigned char g_sharedRegion[];

__device__ __forceinline__ SharedMemory sharedMemory() { return SharedMemory(g_sharedRegion); }

// --- Threads together --------------------------------------------------------------------------------------

// Waits until every thread of the block is here; what they wrote to shared memory is then seen by all.
__device__ __forceinline__ void blockSync() { __syncthreads(); }

// The value of the lane whose number differs in the bits of `distance`. All 32 lanes must call.
__device__ __forceinline__ float shuffleXor(float value, int distance) {
    return __shfl_xor_sync(0xffffffffu, value, distance);
}

// The value of lane `source`, each lane's own wish. All 32 lanes must call.
__device__ __forceinline__ unsigned shuffle(unsigned value, int source) {
    return __shfl_sync(0xffffffffu, value, source);
}

// Bit i of the result is what lane i said. All 32 lanes must call.
__device__ __forceinline__ unsigned ballot(bool yes) { return __ballot_sync(0xffffffffu, yes); }

// array[index] += value, also where other threads of the block do the same at the same time.
__device__ __forceinline__ void addAtomically(Shared<unsigned> array, int index, unsigned value) {
    atomicAdd(array + index, value);
}

// --- Numbers -----------------------------------------------------------------------------------------------

// a·b as a float, which the compiler may not take unrounded into a sum: for what must be the CPU's, bit for bit.
__device__ __forceinline__ float roundedProduct(float a, float b) { return __fmul_rn(a, b); }

// --- Matrix units, by all 32 lanes of a warp ---------------------------------------------------------------

// d (16, 8) += a (16, 16) · b (16, 8) in fp32, a and b of T (__half or __nv_bfloat16), two to a word. Of lane l, with
// g = l/4 and t = l%4: a[0], a[1] are rows g and g + 8, columns 2t and 2t + 1, a[2], a[3] the same eight columns on;
// b[0], b[1] column g, rows 2t and 2t + 1, and eight on; d rows g and g + 8, columns 2t and 2t + 1.
template <class T>
__device__ __forceinline__ void multiplyMatrices(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    if constexpr (std::is_same<T, __half>::value)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                     "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                     "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four matrices (8, 8) of 16-bit numbers in shared memory, transposed: lane 8m + r shows row r of matrix m, 16 bytes, and
// gets of each matrix column l/4, rows 2t and 2t + 1, as multiplyMatrices wants its b.
__device__ __forceinline__ uint4 loadTransposed(const unsigned* row) {
    uint4 columns;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(columns.x), "=r"(columns.y), "=r"(columns.z), "=r"(columns.w)
                 : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row)))
                 : "memory");
    return columns;
}

// --- Bits --------------------------------------------------------------------------------------------------

__device__ __forceinline__ int countBits(unsigned bits) { return __popc(bits); }
__device__ __forceinline__ unsigned bitsOf(float value) { return __float_as_uint(value); }
__device__ __forceinline__ float floatOf(unsigned bits) { return __uint_as_float(bits); }

// --- Memory ------------------------------------------------------------------------------------------------

// A word, up to 16 bytes, that the block reads once: it comes past the first-level cache, which could do nothing with
// it. (The second level keeps it, for another block that reads the same row.)
template <class Word>
__device__ __forceinline__ Word loadOnce(const Word* source) {
    return __ldcg(source);
}

// --- Launch ------------------------------------------------------------------------------------------------

// Lets `kernel` have so much shared memory, and never less again: another thread may be about to launch it with more.
void grantSharedMemory(const void* kernel, std::size_t bytes);

// Queues kernel(arguments…) on `stream` (a cudaStream_t).
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t sharedBytes, void* stream,
            Arguments... arguments) {
    constexpr std::size_t kGrantedToAll = 48 * 1024;  // more must be asked for
    if (sharedBytes > kGrantedToAll)
        grantSharedMemory(reinterpret_cast<const void*>(kernel), sharedBytes);
    kernel<<<grid, block, sharedBytes, static_cast<cudaStream_t>(stream)>>>(arguments...);
    throwUnlessSuccess(cudaGetLastError(), "launching a CUDA kernel");
}

}  // namespace fovea::cuda
