// score_mixed_keys.cuh over KIVI's keys.

#include "core/kernels/cuda/kivi_rows.cuh"
#include "core/kernels/cuda/score_mixed_keys_launch.cuh"

namespace fovea::cuda {
namespace {

template <int kBits>
void scoreKivi(const TopvChoice& choice, Stream stream) {
    scoreMixedKeysOf<KiviRows<kBits, 16>, KiviRows<kBits, kWarp>>(choice, stream);
}

} // namespace

void scoreKiviKeys(const TopvChoice& choice, Stream stream) {
    switch (choice.mixed.bits) {
    case 8:
        return scoreKivi<8>(choice, stream);
    case 4:
        return scoreKivi<4>(choice, stream);
    case 3:
        return scoreKivi<3>(choice, stream);
    default:
        return scoreKivi<2>(choice, stream);
    }
}

} // namespace fovea::cuda
