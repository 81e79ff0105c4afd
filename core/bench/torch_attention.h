#pragma once
// libtorch's own attention on the GPU, timed beside ours where the libtorch that this was built with has one.
// CMake chooses torch_attention_cuda.cpp or no_torch_attention.cpp.

#include <cstdint>
#include <string>

#include "core/kernels/cuda/kernels.h"

namespace fovea {

// One decode step of B texts of S tokens with H heads each, in binary16. Device memory.
struct TorchAttention {
    int batch = 0, heads = 0, headDim = 0; // B, H, d
    std::int64_t context = 0;              // S
    std::int64_t headRows = 0;             // rows from one head's first to the next one's, at least S
    const void* q = nullptr;               // (B, H, d)
    const void* keys = nullptr;            // (B, H, headRows, d)
    const void* values = nullptr;
};

// Why queueTorchAttention cannot be called, in a sentence; empty: it can.
std::string whyNoTorchAttention();
// Queues at::scaled_dot_product_attention on `stream`; libtorch takes the memory of its result itself. Throws
// std::runtime_error with the first line of what libtorch says.
void queueTorchAttention(const TorchAttention& step, cuda::Stream stream);

} // namespace fovea
