#pragma once
// Attention of a prompt: many queries of one head against the rows of its KV head, all in fp32, as a GEMM has it rather
// than as a step has it. Truth: cachedAttention by libtorch (core/engine/prefill.h).
//
// Eight queries at a time: their scores against all that any of them sees, scaled, bent and masked; one exponential per
// score; then the weighted values. A stretch that none of the eight sees, before the first or after the last row that one
// does, is not touched: of a causal prompt that is half of all scores.

#include <cstdint>
#include <span>

#include "core/kernels/cpu/line_allocator.h"

namespace fovea::cpu {

// K (S, d) of one KV head with components in rows, in panels of kPanelSlots slots: (⌈S/32⌉, d, 32), 0 beyond S.
struct KeyPanels {
    static constexpr std::int64_t kPanelSlots = 32;
    LineFloats columns;
    std::int64_t slots = 0;
    int dims = 0;

    KeyPanels() = default;
    KeyPanels(const float* keys, std::int64_t slots, int dims);
};

struct PromptHead {
    const KeyPanels* keys = nullptr;
    const float* values = nullptr; // (S, d), all of them finite: one that nobody sees is multiplied by 0
    const bool* hidden = nullptr;  // (T, S): true where a query may not see a slot
    const float* q = nullptr;      // (T, d), `stride` floats from one to the next
    float* out = nullptr;          // the same; 0 of a query that sees nothing
    std::int64_t tokens = 0, qStride = 0, outStride = 0;
    float scale = 0;   // of q·k
    float softcap = 0; // c: logits become c·tanh(logit/c); 0: they stay
};

void attendPrompt(const PromptHead& head);

// Is none of x an infinity or NaN?
bool allFinite(std::span<const float> x);

} // namespace fovea::cpu
