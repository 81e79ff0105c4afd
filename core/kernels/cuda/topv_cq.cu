// score_mixed_keys.cuh over Coupled Quantisation's keys.

#include "core/kernels/cuda/cq_rows.cuh"
#include "core/kernels/cuda/score_mixed_keys_launch.cuh"

namespace fovea::cuda {
namespace {

template <int kChannels>
void scoreCq(const TopvChoice& choice, Stream stream) {
    scoreMixedKeysOf<CqRows<kChannels, 16>, CqRows<kChannels, kWarp>>(choice, stream);
}

} // namespace

void scoreCqKeys(const TopvChoice& choice, Stream stream) {
    switch (choice.mixed.channels) {
    case 1:
        return scoreCq<1>(choice, stream);
    case 2:
        return scoreCq<2>(choice, stream);
    case 4:
        return scoreCq<4>(choice, stream);
    default:
        return scoreCq<8>(choice, stream);
    }
}

} // namespace fovea::cuda
