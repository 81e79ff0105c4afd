#pragma once
// What the CUDA runtime answered, as an exception.

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

#include "core/kernels/cuda/device_memory.h"

namespace fovea::cuda {

// Memory may be missing for a kernel's code, a graph or an event as well as for a buffer: whoever can go on without a GPU is
// told the same each time.
inline void throwUnlessSuccess(cudaError_t error, const char* doing) {
    if (error == cudaSuccess)
        return;
    cudaGetLastError(); // it is told now, and not to whoever asks next
    const std::string what = std::string(doing) + ": " + cudaGetErrorString(error);
    if (error == cudaErrorMemoryAllocation)
        throw OutOfMemory(what + ": close another run, or choose the CPU.");
    throw std::runtime_error(what);
}

} // namespace fovea::cuda
