#pragma once
// A span that grows with the text, S(N) = α + β·N tokens (MoA), as a window that only ever moves forward.
//
// Symbols   N tokens so far, the current one included; p = N - 1 the position of the query; s sinks; b block
// Exact     α and β are whole multiples of 2^-20 tokens, so that spans are integer arithmetic: the same on every
//           machine, and α + β·N never rounds to one token more on one day than on another.
// Blocks    S is rounded up to whole blocks, so it grows by b tokens at once, and what those tokens were has
//           left by then. The window then fills up one token a step: what is unseen once stays unseen.

#include <cstdint>

namespace fovea {

struct SpanGrowth {
    static constexpr int kUnit = 20; // bits behind the point

    std::int64_t alpha = 0, beta = 0; // in 2^-20 tokens, and in 2^-20 tokens per token: 0 to 2^20
    std::int64_t sinks = 0;           // among the span's tokens
    std::int64_t block = 1, minimum = 1;

    // S(N): α + β·N, at most N, at least the minimum and one token beside the sinks, in whole blocks.
    std::int64_t tokens(std::int64_t n) const;
    // The oldest position of the window that the query at p sees; never less than for an earlier query.
    std::int64_t oldest(std::int64_t p) const;

    bool operator==(const SpanGrowth&) const = default;
};

} // namespace fovea
