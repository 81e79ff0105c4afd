#pragma once
// What a read tells a keep that ranks tokens by attention.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

// How a read weighed the rows that it read, for a keep that hears it: the weight of row i of KV head g, i < rows[g], is
// alpha[h]·exp(logits[h·stride + i] - m[h]) / l[h]. Good until the next read. Nobody who does not ask pays for it; it
// does not go together with `sights`, since no keep that ranks tokens gives heads of a group different ones.
struct ReadReport {
    bool estimate = false; // of a read that guesses, the guess at all rows instead of what it read. An input.

    const float* logits = nullptr; // (H, stride)
    std::int64_t stride = 0;
    std::vector<std::int64_t> rows;      // (G)
    std::vector<float> m, l;             // (H)
    const float* alphas = nullptr;       // (H); null: 1
    const std::int32_t* slots = nullptr; // (G, stride), each head's rows[g] ascending; null: rows are slots 0, 1, …
    std::vector<float> spilled;          // logits that lay nowhere else

    // Of all slots of every head, whose logits lie at `lie`, rows `apart`; null: they go to `spilled`.
    void beginAll(std::span<const KvView> heads, int group, const float* lie, std::int64_t apart);
    // Of listed rows, at most `most` of a head, each query head's weights by its alpha (null: 1): rows[g] is to be set.
    void beginListed(std::int64_t kvHeads, int group, std::int64_t most, const std::int32_t* listed,
                     const float* by);
    // Where the logits of KV head g go.
    LogitSpill spill(std::int64_t g, int group) {
        return LogitSpill{spilled.data(), stride}.ofHead(g * group);
    }
    // (m, l) of the heads of KV head g.
    void setMass(std::int64_t g, int group, const float* tops, const float* sums);

private:
    void begin(std::int64_t kvHeads, int group, const float* lie, std::int64_t apart);
};

}  // namespace fovea::cpu
