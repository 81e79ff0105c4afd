// The second launch of split attention: one output row out of a query head's spans.
//
// joinHead, grid (H of each text)
//   block    128 threads: one query head
//   warp     the head's m and l, every warp for itself, so that there is no barrier and no shared memory
//   thread   every 128th component
//   reads    H·splits·(d + 2) floats, the states again by each warp; with a mean H·(d + 1) more
//   writes   H·d floats; 2·H more for a report

#include "core/kernels/cuda/attend_output.cuh"
#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/softmax_state.cuh"

namespace fovea::cuda {

__global__ void __launch_bounds__(kAttendThreads) joinHead(SpanArguments a) {
    const OwnerPlace place = ownerPlace(a.batch, a.owners * a.group, static_cast<int>(blockIdx.x), a.splits);
    if (place.splits == 1)
        return; // the whole block: it has left its output already, and another text has more splits
    const std::int64_t head = place.owner;
    const float* states = a.partialState + 2 * head * a.splits; // m, l of each span
    const int lane = static_cast<int>(threadIdx.x) % kWarp;

    // Phase 1: the head's maximum, then its sum.
    float largest = -INFINITY;
    for (int s = lane; s < place.splits; s += kWarp)
        largest = fmaxf(largest, states[2 * s]);
    largest = warpMax(largest);
    float sum = 0.0f;
    for (int s = lane; s < place.splits; s += kWarp)
        sum += states[2 * s + 1] * weightOf(states[2 * s], largest);
    sum = warpSum(sum);

    // Phase 2: each thread adds up its components.
    for (int c = static_cast<int>(threadIdx.x); c < a.headDim; c += kAttendThreads) {
        float out = 0.0f;
        for (int s = 0; s < place.splits; ++s)
            out += a.partialOut[(head * a.splits + s) * a.headDim + c] * weightOf(states[2 * s], largest);
        writeOutput(a, {head, place.own, place.words}, c, largest, sum, out);
    }
}

void joinSpans(const SpanArguments& a, Stream stream) {
    launch(joinHead, dim3(static_cast<unsigned>(a.owners * a.group * a.batch.count)), dim3(kAttendThreads), 0,
           stream, a);
}

} // namespace fovea::cuda
