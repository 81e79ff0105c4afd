// How much shared memory kernels may have that want more than all are granted.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <map>
#include <mutex>

#include "core/kernels/cuda/device/outcome.h"

namespace fovea::cuda {

void grantSharedMemory(const void* kernel, std::size_t bytes) {
    static std::mutex inUse;
    static std::map<const void*, std::size_t> granted;
    const std::lock_guard alone(inUse);
    std::size_t& most = granted[kernel];
    if (bytes <= most)
        return;
    throwUnlessSuccess(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(bytes)),
                       "asking for shared memory");
    most = bytes;
}

} // namespace fovea::cuda
