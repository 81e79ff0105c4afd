// attend_mixed.cuh over KIVI's rows of 3 and 2 bits.

#include "core/kernels/cuda/kivi_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Kivi3 = KiviRows<3, kLanes>;
template <int kLanes>
using Kivi2 = KiviRows<2, kLanes>;

void spansOfNarrowKivi(const MixedSpan& a, Stream stream) {
    if (a.mixed.bits == 3)
        return chooseMixed<Kivi3>(a, stream);
    chooseMixed<Kivi2>(a, stream);
}

} // namespace fovea::cuda
