#pragma once
// What a query head sees of the tokens that its KV head holds, where heads of a group see different ones.

#include <cstdint>

namespace fovea::cuda {

// The tokens before `sinks` and those from `oldest` on, as core/kernels/cpu/head_sight.h has it.
struct HeadSight {
    std::int64_t sinks = 0, oldest = 0;
};

} // namespace fovea::cuda
