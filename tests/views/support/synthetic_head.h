#pragma once
// Heads to draw in tests: a real softmax over made-up q and k (an attention sink, repeated words that find
// one another, a preference for what is near), and a top-k choice by the r largest components of q.

#include <memory>

#include "core/engine/replay.h"

namespace fovea::testing {

struct HeadShape {
    int tokens = 256;
    int decodeFrom = 192;
    int components = 8, chosen = 24, local = 8; // chosen 0: dense
    double near = 1, match = 6, sink = 3;       // strength of each habit, in logits
    unsigned seed = 1;
};

std::shared_ptr<const HeadMap> makeHead(const HeadShape& shape, int layer = 0, int head = 0);
HeadSummary makeSummary(const HeadMap& map, int side);

} // namespace fovea::testing
