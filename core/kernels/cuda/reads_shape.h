#pragma once
// Sizes that the kernels of reads, their launchers and reads_shape.cpp have in common.

#include <cstdint>

namespace fovea::cuda {

// Slots whose logits one block forms: by columns of the copy of K, and by its rows.
constexpr std::int64_t kColumnSpan = 1024, kRowSpan = 256;

// Spans of the longest head, one at least.
constexpr std::int64_t spansOf(std::int64_t slots, std::int64_t perSpan) {
    return slots > perSpan ? (slots + perSpan - 1) / perSpan : 1;
}

constexpr std::int64_t pagesOf(std::int64_t slots, std::int64_t page) {
    return (slots + page - 1) / page;
}

// Words of shared memory with a bit per slot.
constexpr int bitWordsOf(std::int64_t slots) {
    return static_cast<int>((slots + 31) / 32);
}
// What a block of compute capability 8.6, the least among the common, may take, less what a choice needs beside them.
constexpr std::int64_t kMostBitSlots = 8 * 80 * 1024;

} // namespace fovea::cuda
