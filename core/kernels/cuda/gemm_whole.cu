// Launches gemm_whole.cuh: checks the limits, and picks the bits.

#include "core/kernels/cuda/gemm_whole.cuh"

#include "core/kernels/cuda/gemm_launch.cuh"

namespace fovea::cuda {
namespace {

template <int kBits>
void launchWhole(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream) {
    launchGemm<kOrdinaryRows>(multiplyTilesWhole<kBits>, wholeTileBytes(), step, stream, rows, by,
                              wholeWords(rows, step.in));
}

} // namespace

void gemm(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(rows, by, step); !why.empty())
        throw std::invalid_argument(why);
    if (step.in % kUnitCodes != 0)
        return gemm(rows, step, stream);
    switch (rows.bits) {
    case 8:
        return launchWhole<8>(rows, by, step, stream);
    case 4:
        return launchWhole<4>(rows, by, step, stream);
    case 3:
        return launchWhole<3>(rows, by, step, stream);
    default:
        launchWhole<2>(rows, by, step, stream);
    }
}

} // namespace fovea::cuda
