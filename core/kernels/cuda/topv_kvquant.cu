// score_mixed_keys.cuh over KVQuant's keys.

#include "core/kernels/cuda/kvquant_rows.cuh"
#include "core/kernels/cuda/score_mixed_keys_launch.cuh"

namespace fovea::cuda {
namespace {

template <int kBits>
void scoreKvquant(const TopvChoice& choice, Stream stream) {
    scoreMixedKeysOf<KvquantRows<kBits, 16>, KvquantRows<kBits, kWarp>>(choice, stream);
}

} // namespace

void scoreKvquantKeys(const TopvChoice& choice, Stream stream) {
    switch (choice.mixed.bits) {
    case 4:
        return scoreKvquant<4>(choice, stream);
    case 3:
        return scoreKvquant<3>(choice, stream);
    default:
        return scoreKvquant<2>(choice, stream);
    }
}

} // namespace fovea::cuda
