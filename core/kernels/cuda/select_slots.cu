// Launches select_slots.cuh, for every read that has logits of all tokens.

#include "core/kernels/cuda/select_slots.cuh"

namespace fovea::cuda {

void selectBest(const Selection& selection, int kvHeads, Stream stream) {
    launch(selectSlots, dim3(static_cast<unsigned>(kvHeads)), dim3(kChoiceThreads),
           selectSharedBytes(selection.group, selection.bitWords), stream, selection);
}

} // namespace fovea::cuda
