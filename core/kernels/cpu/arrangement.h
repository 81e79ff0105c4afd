#pragma once
// The order in which the components of a row meet the loops. Stored rows are in order, but a loader may hand out
// a run of 2N elements as those at even places and then those at odd ones, because that saves instructions for
// every row. The few queries and outputs are rearranged instead, once per step.

#include <cstdint>

#include "core/cache/element_type.h"

namespace fovea::cpu {

// N of the loader that serves rows of `dims` elements on this machine, or 0: in order.
int pairedRun(ElementType type, int dims);

// to = from·scale, rows of `dims` components: from order into that of the loops. No divisions: a step of SparQ is short.
inline void arrange(const float* from, float* to, int dims, int pairs, float scale) {
    if (pairs == 0)
        for (int i = 0; i < dims; ++i)
            to[i] = from[i] * scale;
    for (int run = 0; pairs > 0 && run < dims; run += 2 * pairs)
        for (int i = 0; i < pairs; ++i) {
            to[run + i] = from[run + 2 * i] * scale;
            to[run + pairs + i] = from[run + 2 * i + 1] * scale;
        }
}
// And back.
inline void inOrder(const float* from, float* to, int dims, int pairs, float scale) {
    if (pairs == 0)
        for (int i = 0; i < dims; ++i)
            to[i] = from[i] * scale;
    for (int run = 0; pairs > 0 && run < dims; run += 2 * pairs)
        for (int i = 0; i < pairs; ++i) {
            to[run + 2 * i] = from[run + i] * scale;
            to[run + 2 * i + 1] = from[run + pairs + i] * scale;
        }
}

}  // namespace fovea::cpu
