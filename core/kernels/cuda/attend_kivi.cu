// attend_mixed.cuh over KIVI's rows of 8 and 4 bits.

#include "core/kernels/cuda/kivi_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Kivi8 = KiviRows<8, kLanes>;
template <int kLanes>
using Kivi4 = KiviRows<4, kLanes>;

void spansOfKivi(const MixedSpan& a, Stream stream) {
    if (a.mixed.bits == 8)
        return chooseMixed<Kivi8>(a, stream);
    chooseMixed<Kivi4>(a, stream);
}

} // namespace fovea::cuda
