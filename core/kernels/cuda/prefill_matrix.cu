// Launches prefill_matrix.cuh for prefill.cu, which has checked the limits.

#include "core/kernels/cuda/prefill_matrix.cuh"

#include "core/kernels/cuda/prefill_launch.h"

namespace fovea::cuda {
namespace {

template <class T, int kDim>
void launchMatrices(const AttendPrompt& chunk, Stream stream) {
    static_assert(kMatrixWarps == 4, "attendMatrices reads four words of who saw what is not finite");
    static_assert(kMatrixQueries == queryTileOf(kDim), "slotTiles counts in the same tiles");
    const dim3 grid(static_cast<unsigned>((chunk.queries + kMatrixQueries - 1) / kMatrixQueries),
                    static_cast<unsigned>(chunk.heads), static_cast<unsigned>(chunk.texts));
    launch(attendMatrices<T, kDim>, grid, dim3(kMatrixThreads), matrixSharedBytes<kDim>(), stream, chunk);
}

template <class T>
void chooseWidth(const AttendPrompt& chunk, Stream stream) {
    chunk.headDim <= 64 ? launchMatrices<T, 64>(chunk, stream) : launchMatrices<T, 128>(chunk, stream);
}

} // namespace

void attendByMatrices(const AttendPrompt& chunk, Stream stream) {
    chunk.type == ElementType::F16 ? chooseWidth<__half>(chunk, stream)
                                   : chooseWidth<__nv_bfloat16>(chunk, stream);
}

} // namespace fovea::cuda
