#pragma once
// How logits are shared out over thread blocks, for the kernels of sampling.cuh, their launcher and scratchBytes.

namespace fovea::cuda {

constexpr int kSliceThreads = 256;
constexpr int kSliceLogits = 2048; // a block's

constexpr int slicesOf(int vocabulary) {
    return (vocabulary + kSliceLogits - 1) / kSliceLogits;
}

// Of a slice: its largest logit and the first token that has it.
struct Peak {
    float logit;
    int token;
};

} // namespace fovea::cuda
