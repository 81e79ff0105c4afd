// attend_mixed.cuh over KVQuant's rows of 4 and 3 bits.

#include "core/kernels/cuda/kvquant_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Kvquant4 = KvquantRows<4, kLanes>;
template <int kLanes>
using Kvquant3 = KvquantRows<3, kLanes>;

void spansOfKvquant(const MixedSpan& a, Stream stream) {
    if (a.mixed.bits == 4)
        return chooseMixed<Kvquant4>(a, stream);
    chooseMixed<Kvquant3>(a, stream);
}

} // namespace fovea::cuda
