#pragma once
// The CUDA kernels for callers that know nothing of CUDA: raw device pointers, sizes, and a stream.
//
// Built without nvcc, core/kernels/no_cuda answers instead: available() is false and whyUnavailable() says
// so. C++17, since .cu files include it. Each family of kernels has a header of its own: attend.h, …

#include <string>

namespace fovea::cuda {

// A cudaStream_t; null is the default stream. Tests pass a host executor here (tests/support/simt).
using Stream = void*;

// The widest head that kernels take, in components.
constexpr int kMaxHeadDim = 256;

// Whether kernels can run on this machine. Never throws, and never crashes where there is no driver.
bool available();
// One sentence for the user; empty when available.
std::string whyUnavailable();
// Multiprocessors of the current device; 0 when unavailable.
int multiprocessors();

} // namespace fovea::cuda
