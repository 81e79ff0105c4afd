#pragma once
// The primitives our kernels are written in, executed on the host. core/kernels/cuda/device/simt.h has the
// same names for nvcc, and the include path decides which of the two <simt.h> is. README.md says how it
// works.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <vector_functions.h>

#include <cmath>
#include <cstring>

#include "tests/support/simt/block.h"
#include "tests/support/simt/executor.h"
#include "tests/support/simt/shared.h"
#include "tests/support/simt/site.h"

// CUDA's headers define these for any compiler. __shared__ as nothing would give each thread a copy of its
// own, and the kernel would seem to work: so it does not compile. What launch bounds promise, a host cannot
// check.
#undef __shared__
#define __shared__ fovea_kernels_take_shared_memory_from_sharedMemory
#undef __launch_bounds__
#define __launch_bounds__(...)

// Set by the executor before it lets a thread run.
inline uint3 threadIdx{}, blockIdx{};
inline dim3 blockDim{}, gridDim{};

namespace fovea::cuda {

using ::erfcf;
using ::expf;
using ::sqrtf;
using ::tanhf;
using std::exp2f;
using std::fmaxf;
using std::fminf;
using std::isnan;

template <class T>
constexpr T min(T a, T b) {
    return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
    return a < b ? b : a;
}

// --- Shared memory -----------------------------------------------------------------------------------------

template <class T>
using Shared = simt::Shared<T>;
using SharedMemory = simt::SharedMemory;

inline SharedMemory sharedMemory() {
    const simt::Block& block = simt::Block::running();
    return SharedMemory(block.shared(), block.sharedBytes());
}

// --- Threads together --------------------------------------------------------------------------------------

inline void blockSync(simt::Site site = simt::Site::here()) { simt::Block::running().barrier(site); }

inline float shuffleXor(float value, int distance, simt::Site site = simt::Site::here()) {
    const int lane = static_cast<int>(threadIdx.x) % simt::kLanes;
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits = simt::Block::running().exchange(bits, lane ^ distance, site);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline unsigned shuffle(unsigned value, int source, simt::Site site = simt::Site::here()) {
    return simt::Block::running().exchange(value, source, site);
}

// A butterfly, as an exchange gives each lane one other's value.
inline unsigned ballot(bool yes, simt::Site site = simt::Site::here()) {
    const int lane = static_cast<int>(threadIdx.x) % simt::kLanes;
    unsigned said = (yes ? 1u : 0u) << lane;
    for (int distance = simt::kLanes / 2; distance > 0; distance /= 2)
        said |= simt::Block::running().exchange(said, lane ^ distance, site);
    return said;
}

inline void addAtomically(Shared<unsigned> array, int index, unsigned value,
                          simt::Site site = simt::Site::here()) {
    simt::Block::running().addAtomically(&array[{index, site}], value);
}

// --- Numbers -----------------------------------------------------------------------------------------------

inline float roundedProduct(float a, float b) { return a * b; }

// --- Bits --------------------------------------------------------------------------------------------------

inline int countBits(unsigned bits) { return __builtin_popcount(bits); }

inline unsigned bitsOf(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float floatOf(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// --- Memory ------------------------------------------------------------------------------------------------

// Counted, so that a test can hold the kernel to the traffic that its header states.
template <class Word>
Word loadOnce(const Word* source) {
    simt::Block::running().countLoad(sizeof *source);
    return *source;
}

// --- Launch ------------------------------------------------------------------------------------------------

// `stream` is a simt::Executor.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t sharedBytes, void* stream,
            Arguments... arguments) {
    if (!stream)
        throw simt::Error("on the host a kernel needs an executor for a stream");
    static_cast<simt::Executor*>(stream)->run(grid, block, sharedBytes, [&] { kernel(arguments...); });
}

}  // namespace fovea::cuda
