// Launches gemm_ordinary.cuh for packed rows: checks the limits, and picks the bits.

#include "core/kernels/cuda/gemm_launch.cuh"
#include "core/kernels/cuda/gemm_packed.cuh"

namespace fovea::cuda {

void gemm(const PackedRows& rows, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(rows, step); !why.empty())
        throw std::invalid_argument(why);
    if (step.in % 4 != 0)
        return gemv(rows, step, stream);
    const bool whole = wholeWords(rows, step.in);
    switch (rows.bits) {
    case 8:
        return launchTiles(step, PackedWeights<8>{rows, whole}, stream);
    case 4:
        return launchTiles(step, PackedWeights<4>{rows, whole}, stream);
    case 3:
        return launchTiles(step, PackedWeights<3>{rows, whole}, stream);
    default:
        launchTiles(step, PackedWeights<2>{rows, whole}, stream);
    }
}

} // namespace fovea::cuda
