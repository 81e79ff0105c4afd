#pragma once
// The primitives our kernels are written in, executed on the host. core/kernels/cuda/device/simt.h has the
// same names for nvcc, and the include path decides which of the two <simt.h> is. README.md says how it
// works.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <vector_functions.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

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
using ::fmaf;
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

// --- Matrix units, of which every lane works out its own numbers from what all lanes show -----------------------

template <class T>
float numberOf(unsigned word, int i) {
    const unsigned short bits = static_cast<unsigned short>(word >> 16 * i);
    T number;
    std::memcpy(static_cast<void*>(&number), &bits, sizeof bits);
    return static_cast<float>(number);
}

template <class T>
void multiplyMatrices(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                      simt::Site site = simt::Site::here()) {
    float mine[simt::kShownWords];  // numbers of a, then of b
    for (int i = 0; i < simt::kShownWords; ++i)
        mine[i] = numberOf<T>(i < 8 ? a[i / 2] : b[(i - 8) / 2], i % 2);
    std::uint32_t words[simt::kShownWords];
    std::memcpy(words, mine, sizeof words);
    const std::uint32_t* const shown = simt::Block::running().show(words, simt::kShownWords, site);
    const int lane = static_cast<int>(threadIdx.x) % simt::kLanes, g = lane / 4, t = lane % 4;
    const auto numberOfLane = [&](int from, int i) {
        float number;
        std::memcpy(&number, shown + from * simt::kShownWords + i, sizeof number);
        return number;
    };
    for (int i = 0; i < 4; ++i)
        for (int k = 0; k < 16; ++k) {
            const int holder = k % 8 / 2, column = 2 * t + i % 2;
            d[i] += numberOfLane(g * 4 + holder, k / 8 * 4 + i / 2 * 2 + k % 2) *
                    numberOfLane(column * 4 + holder, 8 + k / 8 * 2 + k % 2);
        }
}

inline uint4 loadTransposed(const unsigned* row, simt::Site site = simt::Site::here()) {
    const auto address = reinterpret_cast<std::uintptr_t>(row);
    const std::uint32_t words[2] = {static_cast<std::uint32_t>(address), static_cast<std::uint32_t>(address >> 32)};
    const std::uint32_t* const shown = simt::Block::running().show(words, 2, site);
    const int lane = static_cast<int>(threadIdx.x) % simt::kLanes;
    unsigned columns[4] = {};
    for (int matrix = 0; matrix < 4; ++matrix)
        for (int e = 0; e < 2; ++e) {
            const std::uint32_t* const its = shown + (8 * matrix + lane % 4 * 2 + e) * simt::kShownWords;
            const std::uintptr_t from = static_cast<std::uintptr_t>(its[1]) << 32 | its[0];
            columns[matrix] |= static_cast<unsigned>(reinterpret_cast<const unsigned short*>(from)[lane / 4]) << 16 * e;
        }
    return {columns[0], columns[1], columns[2], columns[3]};
}

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

// Counted, so that a test can hold the kernel to the traffic that its header states. A GPU loads a word from whole ones only.
template <class Word>
Word loadOnce(const Word* source) {
    if (reinterpret_cast<std::uintptr_t>(source) % sizeof(Word) != 0)
        throw simt::Error("a word of " + std::to_string(sizeof(Word)) + " bytes is loaded across two");
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
    static_cast<simt::Executor*>(stream)->run(grid, block, sharedBytes, [=] { kernel(arguments...); });
}

}  // namespace fovea::cuda
