// The instances of gemv_whole.cuh of 3 and 2 bits.

#include "core/kernels/cuda/gemv_whole_launch.cuh"

namespace fovea::cuda {

template void gemvWhole<3>(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream);
template void gemvWhole<2>(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream);

} // namespace fovea::cuda
