#pragma once
// Sizes that the kernels of reads, their launchers and reads_shape.cpp have in common.

#include <cstdint>

namespace fovea::cuda {

constexpr std::int64_t kSlotsPerSpan = 1024; // whose logits one block forms

constexpr std::int64_t spansOf(std::int64_t slots) {
    return slots > kSlotsPerSpan ? (slots + kSlotsPerSpan - 1) / kSlotsPerSpan : 1;
}

// Words of shared memory with a bit per slot.
constexpr int bitWordsOf(std::int64_t slots) {
    return static_cast<int>((slots + 31) / 32);
}
// What a block of compute capability 8.6, the least among the common, may take, less what a choice needs beside them.
constexpr std::int64_t kMostBitSlots = 8 * 80 * 1024;

} // namespace fovea::cuda
