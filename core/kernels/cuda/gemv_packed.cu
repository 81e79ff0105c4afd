// Launches gemv_packed.cuh: checks the limits, and picks the bits; holds the instances of 8 and 4.

#include <stdexcept>

#include "core/kernels/cuda/gemv_packed_launch.cuh"

namespace fovea::cuda {

extern template void gemvPacked<3>(const PackedRows& rows, const Gemv& step, Stream stream);
extern template void gemvPacked<2>(const PackedRows& rows, const Gemv& step, Stream stream);

void gemv(const PackedRows& rows, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(rows, step); !why.empty())
        throw std::invalid_argument(why);
    switch (rows.bits) {
    case 8:
        return gemvPacked<8>(rows, step, stream);
    case 4:
        return gemvPacked<4>(rows, step, stream);
    case 3:
        return gemvPacked<3>(rows, step, stream);
    default:
        return gemvPacked<2>(rows, step, stream);
    }
}

} // namespace fovea::cuda
