// attend_mixed.cuh over KVQuant's rows of 2 bits.

#include "core/kernels/cuda/kvquant_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Kvquant2 = KvquantRows<2, kLanes>;

void spansOfKvquant2(const MixedSpan& a, Stream stream) {
    chooseMixed<Kvquant2>(a, stream);
}

} // namespace fovea::cuda
