#pragma once
// The CUDA kernels for callers that know nothing of CUDA: raw device pointers, sizes, and a stream.
//
// Built without nvcc, core/kernels/no_cuda answers instead: available() is false and whyUnavailable() says
// so. C++17, since .cu files include it. Truth of attendAll: denseTruth.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/cache/element_type.h"

namespace fovea::cuda {

// A cudaStream_t; null is the default stream. Tests pass a host executor here (tests/support/simt).
using Stream = void*;

// Whether kernels can run on this machine. Never throws, and never crashes where there is no driver.
bool available();
// One sentence for the user; empty when available.
std::string whyUnavailable();
// Multiprocessors of the current device; 0 when unavailable.
int multiprocessors();

// One decode step of one layer: H query heads against the live slots of G KV heads, H = G·group; query heads
// g·group … (g+1)·group - 1 share KV head g. Slots live in blocks as core/cache/kv_view.h lays them out. All
// pointers are device memory; q, out, partials and every block are aligned to 16 bytes.
struct AttendAll {
    ElementType type = ElementType::F32;  // of K and V
    int heads = 0;                        // H
    int kvHeads = 0;                      // G
    int headDim = 0;                      // d, up to 256, rows being whole 16-byte words
    int slotsPerBlock = 256;
    float scale = 0;  // of q·k, 1/√d as a rule

    const float* q = nullptr;             // (H, d)
    const void* const* keys = nullptr;    // (G, blocksPerHead) blocks of (slotsPerBlock, d) rows
    const void* const* values = nullptr;  // the same of V
    std::int64_t blocksPerHead = 0;       // stride of the two tables
    const std::int64_t* slots = nullptr;  // (G) live slots; a head with none gives zeros
    float* out = nullptr;                 // (H, d)

    int splits = 1;             // thread blocks that share out each KV head's slots: see splitsFor
    float* partials = nullptr;  // partialFloats(…) floats of scratch where splits > 1
};

constexpr int kMaxHeadDim = 256;
constexpr int kMaxSplits = 1024;

// Enough splits to keep `multiprocessors` busy when no KV head holds more than `longest` slots.
int splitsFor(const AttendAll& step, std::int64_t longest, int multiprocessors);
// Scratch for the softmax states of all splits, in floats; 0 for one split.
std::size_t partialFloats(const AttendAll& step);
// How often the kernel reads each live row of K and V, for whoever counts bytes: once for every eight query
// heads of a group, so once while H/G ≤ 8.
int readsOfEachRow(const AttendAll& step);
// Why the kernel does not take this step, in a sentence; empty when it does. Cannot look into device memory.
std::string refusal(const AttendAll& step);

// Queues the step on `stream` and returns. Throws std::invalid_argument with refusal()'s sentence, or
// std::runtime_error when there is no device or it does not take the launch.
void attendAll(const AttendAll& step, Stream stream);

}  // namespace fovea::cuda
