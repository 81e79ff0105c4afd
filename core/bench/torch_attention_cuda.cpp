#include "core/bench/torch_attention.h"

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>

#include <stdexcept>
#include <string>

#include "core/kernels/cuda/device_memory.h"

namespace fovea {

namespace {

// (B, H, rows, d) of heads that begin `headRows` rows apart. ATen takes no const memory, and writes none of it.
at::Tensor rowsAt(const TorchAttention& step, const void* memory, std::int64_t rows, std::int64_t headRows) {
    const std::int64_t d = step.headDim, H = step.heads;
    const auto half = at::TensorOptions().dtype(at::kHalf).device(at::kCUDA, c10::cuda::current_device());
    return at::from_blob(const_cast<void*>(memory), {step.batch, H, rows, d},
                         {H * headRows * d, headRows * d, d, 1}, half);
}

std::string lineOf(const c10::Error& error) {
    const std::string all = error.what_without_backtrace();
    return "libtorch: " + all.substr(0, all.find('\n'));
}

} // namespace

std::string whyNoTorchAttention() {
    return at::hasCUDA() ? "" : "libtorch finds no GPU";
}

void queueTorchAttention(const TorchAttention& step, cuda::Stream stream) {
    try {
        const at::NoGradGuard noGradients;
        const c10::cuda::CUDAStreamGuard onStream(
            c10::cuda::getStreamFromExternal(static_cast<cudaStream_t>(stream), c10::cuda::current_device()));
        at::scaled_dot_product_attention(rowsAt(step, step.q, 1, 1),
                                         rowsAt(step, step.keys, step.context, step.headRows),
                                         rowsAt(step, step.values, step.context, step.headRows));
    } catch (const c10::OutOfMemoryError& error) {
        throw cuda::OutOfMemory(lineOf(error));
    } catch (const c10::Error& error) {
        throw std::runtime_error(lineOf(error));
    }
}

} // namespace fovea
