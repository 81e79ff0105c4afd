#pragma once
// What a read tells a keep that ranks tokens by attention.

#include <cstdint>
#include <vector>

#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

// How a read weighed the rows that it read, for a keep that hears it: the weight of row i is
// alpha[h]·exp(logits[h·stride + i] - m[h]) / l[h]. Good until the next read. Nobody who does not ask pays for it; it does not
// go together with `sights` or heads of unequal numbers of slots.
struct ReadReport {
    bool estimate = false; // of a read that guesses, the guess at all rows instead of what it read. An input.

    const float* logits = nullptr; // (H, stride)
    std::int64_t stride = 0, rows = 0;
    std::vector<float> m, l;             // (H)
    const float* alphas = nullptr;       // (H); null: 1
    const std::int32_t* slots = nullptr; // (G, rows), ascending; null: rows are slots 0, 1, …
    std::vector<float> spilled;          // logits that lay nowhere else

    // Of `n` rows of every query head, whose logits go to `spilled` or lie where they are already; of listed rows, each
    // head's weights by its alpha.
    void begin(std::int64_t heads, std::int64_t n, const float* lie, std::int64_t apart,
               const std::int32_t* listed = nullptr, const float* by = nullptr);
    // Where the logits of KV head g go.
    LogitSpill spill(std::int64_t g, int group) {
        return LogitSpill{spilled.data(), stride}.ofHead(g * group);
    }
    // (m, l) of the heads of KV head g.
    void setMass(std::int64_t g, int group, const float* tops, const float* sums);
};

}  // namespace fovea::cpu
