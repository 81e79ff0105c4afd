// Launches select_slots.cuh, for every read that has logits of all tokens.

#include "core/kernels/cuda/select_slots.cuh"

namespace fovea::cuda {

void selectBest(const Selection& selection, Stream stream) {
    const auto heads = static_cast<unsigned>(selection.kvHeads * selection.batch.count);
    launch(selectSlots, dim3(heads), dim3(kChoiceThreads),
           selectSharedBytes(selection.group, selection.bitWords), stream, selection);
}

} // namespace fovea::cuda
