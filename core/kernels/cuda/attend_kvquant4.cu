// attend_mixed.cuh over KVQuant's rows of 4 bits.

#include "core/kernels/cuda/kvquant_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Kvquant4 = KvquantRows<4, kLanes>;

void spansOfKvquant4(const MixedSpan& a, Stream stream) {
    chooseMixed<Kvquant4>(a, stream);
}

} // namespace fovea::cuda
