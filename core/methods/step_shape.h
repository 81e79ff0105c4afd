#pragma once
// The numbers a closed-form cost depends on, for one layer of one decode step.

#include <cstdint>

#include "core/cache/element_type.h"

namespace fovea {

struct StepShape {
    std::int64_t tokens = 0;  // S, cached tokens with the current one
    int queryHeads = 0;       // H
    int kvHeads = 0;          // G
    int headDim = 0;          // d
    ElementType store = ElementType::F32;
    // False on a step before decode-from: rows are read dense, but what the plan keeps beside K and V (a copy of
    // K, a mean) is written all the same.
    bool planned = true;

    int group() const { return queryHeads / kvHeads; }  // g = H / G
};

}  // namespace fovea
