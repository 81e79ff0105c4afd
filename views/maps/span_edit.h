#pragma once
// Which of a plan's spans an edit is for, and the plan after it. No widgets: what the span map does to a plan.

#include <QString>

#include "core/methods/keep/moa.h"

namespace fovea {

// One head, a layer's heads (head -1), a head of every layer (layer -1), or all (both -1).
struct SpanTarget {
    int layer = -1, head = -1;

    bool holds(int l, int h) const { return (layer < 0 || layer == l) && (head < 0 || head == h); }
    bool all() const { return layer < 0 && head < 0; }
    bool operator==(const SpanTarget&) const = default;
};
QString name(const SpanTarget& target); // "L2 H3", "layer 2", "head 3 of every layer", "every head"

struct SpanShape {
    int layers = 0, heads = 0; // query heads of each
    int group = 1;             // that share a KV head
    std::int64_t context = 0;  // tokens that the model was made for
    bool operator==(const SpanShape&) const = default;
};

enum class SpanPart { Alpha, Beta };
QString name(SpanPart part); // "α"
// What one step of a drag or a key changes it by: a block of tokens, or 1/32 of the text.
double stepOf(const MoaParams& params, SpanPart part);

// Every span of the target moved by `steps`, within what a plan may have; differences between them stay. Where all
// heads have one span and not all are meant, each gets its own. Spans that were changed are in no file any more.
MoaParams moved(const MoaParams& params, const SpanShape& shape, const SpanTarget& target, SpanPart part, int steps);

// At N tokens: what the heads see on average and what the KV heads hold, as shares of all N.
struct SpanShares {
    double seen = 0, held = 0;
};
SpanShares sharesAt(const MoaParams& params, const SpanShape& shape, std::int64_t tokens);
// What the KV head of a query head holds, in tokens.
std::int64_t heldAt(const MoaParams& params, const SpanShape& shape, int layer, int head, std::int64_t tokens);

} // namespace fovea
