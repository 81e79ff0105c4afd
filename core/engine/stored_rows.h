#pragma once
// One KV head's captured rows as a store takes and gives them back, and the levels that each number could have become. A
// store that is new in a plan is drawn by what a replay attends over (captured_head.h) until its levels are told here;
// nothing that draws or measures knows stores.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/engine/code_levels.h"
#include "core/methods/store/store.h"

namespace fovea {

class Capture;

enum class KvPart : std::uint8_t { Keys, Values };

struct StoredRows {
    at::Tensor exact; // (T, d) fp32, as the store is given them
    at::Tensor held;  // (T, d) fp32, as they come back from it
    // The store rounds keys before RoPE: both are turned back to there.
    bool beforeRope = false;
    CodeLevels levels; // none where rows are floats, or the levels are not known
};

// The first `tokens` of the capture, as the newest of them finds them.
StoredRows storedRows(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead,
                      KvPart part);

// Captured keys (T, d) turned back to before RoPE; undefined where nothing turns them, or where RoPE changes with the
// length of the text, so that nothing can.
at::Tensor keysTurnedBack(const Capture& capture, std::int64_t tokens, int layer, int kvHead);

} // namespace fovea
