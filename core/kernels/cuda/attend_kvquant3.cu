// attend_mixed.cuh over KVQuant's rows of 3 bits.

#include "core/kernels/cuda/kvquant_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Kvquant3 = KvquantRows<3, kLanes>;

void spansOfKvquant3(const MixedSpan& a, Stream stream) {
    chooseMixed<Kvquant3>(a, stream);
}

} // namespace fovea::cuda
