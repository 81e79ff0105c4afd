#pragma once
// The kernels of one instruction set alone, for as long as this lives, and so where a check fails: all that follows would
// run on it.

#include <hwy/targets.h>

#include <cstdint>

namespace fovea::test {

struct OnlyTarget {
    explicit OnlyTarget(std::int64_t target) { hwy::SetSupportedTargetsForTest(target); }
    ~OnlyTarget() { hwy::SetSupportedTargetsForTest(0); }
    OnlyTarget(const OnlyTarget&) = delete;
    OnlyTarget& operator=(const OnlyTarget&) = delete;
};

} // namespace fovea::test
