// Launches gemv_whole.cuh: checks the limits, and picks the bits; holds the instances of 8 and 4.

#include <stdexcept>

#include "core/kernels/cuda/gemv_whole_launch.cuh"

namespace fovea::cuda {

extern template void gemvWhole<3>(const PackedRows& rows, const WholeVectors& by, const Gemv& step,
                                  Stream stream);
extern template void gemvWhole<2>(const PackedRows& rows, const WholeVectors& by, const Gemv& step,
                                  Stream stream);

void gemv(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(rows, by, step); !why.empty())
        throw std::invalid_argument(why);
    switch (rows.bits) {
    case 8:
        return gemvWhole<8>(rows, by, step, stream);
    case 4:
        return gemvWhole<4>(rows, by, step, stream);
    case 3:
        return gemvWhole<3>(rows, by, step, stream);
    default:
        return gemvWhole<2>(rows, by, step, stream);
    }
}

} // namespace fovea::cuda
