// Whether there is a GPU to run on, asked of the CUDA runtime. Asked once: devices do not come and go.

#include <cuda_runtime.h>

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {
namespace {

// Compiled for the same architectures as every other kernel: where it cannot be loaded, none can.
__global__ void probe() {}

std::string askDevice() {
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return "no NVIDIA driver is installed on this machine";
    int devices = 0;
    if (const cudaError_t error = cudaGetDeviceCount(&devices); error != cudaSuccess)
        return std::string("CUDA finds no GPU it can use: ") + cudaGetErrorString(error);
    if (devices == 0)
        return "this machine has no NVIDIA GPU";
    cudaFuncAttributes attributes;
    if (const cudaError_t error = cudaFuncGetAttributes(&attributes, probe); error != cudaSuccess)
        return std::string("the kernels were not compiled for this GPU (see CMAKE_CUDA_ARCHITECTURES): ") +
               cudaGetErrorString(error);
    return "";
}

}  // namespace

std::string whyUnavailable() {
    static const std::string answer = askDevice();
    return answer;
}

bool available() { return whyUnavailable().empty(); }

int multiprocessors() {
    int device = 0, count = 0;
    if (!available() || cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess)
        return 0;
    return count;
}

}  // namespace fovea::cuda
