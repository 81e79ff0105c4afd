// The instances of gemv_packed.cuh of 3 and 2 bits.

#include "core/kernels/cuda/gemv_packed_launch.cuh"

namespace fovea::cuda {

template void gemvPacked<3>(const PackedRows& rows, const Gemv& step, Stream stream);
template void gemvPacked<2>(const PackedRows& rows, const Gemv& step, Stream stream);

} // namespace fovea::cuda
