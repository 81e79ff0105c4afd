#pragma once
// The order in which the components of a row meet the loops. Stored rows are in order, but a loader may hand out
// a run of 2N elements as those at even places and then those at odd ones, because that saves instructions for
// every row. The few queries and outputs are rearranged instead, once per step.

#include <cstdint>

#include "core/cache/element_type.h"

namespace fovea::cpu {

// N of the loader that serves rows of `dims` elements on this machine, or 0: in order.
int pairedRun(ElementType type, int dims);

// Where component `i` lies.
constexpr int arrangedIndex(int i, int pairs) {
    return pairs == 0 ? i : i / (2 * pairs) * (2 * pairs) + i % 2 * pairs + i % (2 * pairs) / 2;
}

}  // namespace fovea::cpu
