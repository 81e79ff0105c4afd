// score_keys.cuh over keys that are codes.

#include "core/kernels/cuda/coded_rows.cuh"
#include "core/kernels/cuda/score_keys_launch.cuh"

namespace fovea::cuda {
namespace {

template <int kLanes>
using Rows8 = CodedRows<8, 1, kLanes>;
template <int kLanes>
using Rows4 = CodedRows<4, 4, kLanes>;
template <int kLanes>
using Rows3 = CodedRows<3, 4, kLanes>;
template <int kLanes>
using Rows2 = CodedRows<2, 4, kLanes>;

} // namespace

void scoreCodedKeys(const TopvChoice& choice, Stream stream) {
    switch (choice.codes.bits) {
    case 8:
        return scoreKeysOf<Rows8, false>(choice, stream);
    case 4:
        return scoreKeysOf<Rows4, false>(choice, stream);
    case 3:
        return scoreKeysOf<Rows3, false>(choice, stream);
    default:
        return scoreKeysOf<Rows2, false>(choice, stream);
    }
}

} // namespace fovea::cuda
