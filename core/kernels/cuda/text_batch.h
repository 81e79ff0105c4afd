#pragma once
// Several texts in one launch: KV heads of one lie behind those of another, and each text has tables of its own (blocks,
// slots, positions, sums), wherever its memory is. C++17, since .cu files include it.

#include <cstdint>

namespace fovea::cuda {

// One of them. Its tables have the strides of the first one's, and lie in the same order.
struct TextPlace {
    std::int64_t words = 0;      // of 8 bytes, from the first one's tables (CacheBlocks) to this one's
    std::int64_t mixedWords = 0; // the same of what mixed rows have beside them (MixedBlocks)
    std::int32_t text = 0;       // its part of q, out and all else that is no table
    std::int32_t splits =
        1; // thread blocks that share out its slots (AttendAll::splits), as many as if it were alone
};

// Sizes of a step are then each text's, and its tables the first one's.
struct TextBatch {
    const TextPlace* places =
        nullptr;   // (count) on the device; null: one text, or heads of several side by side in every table
    int count = 1; // in this launch
    int all = 1;   // that q, out, scratch and all else which is no table hold
};

} // namespace fovea::cuda
