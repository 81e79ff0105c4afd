#pragma once
// What the race checker says of a run, for tests of kernels and of their barriers.

#include <functional>
#include <string>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/kernels.h"
#include "tests/support/simt/executor.h"
#include "tests/support/simt/race_checker.h"

namespace fovea::cuda {

// In forward order alone: what the checker finds does not depend on luck.
inline std::string races(const std::function<void(Stream)>& run, int forgottenBarrier = 0, int launch = 0) {
    simt::RaceChecker checker;
    simt::Executor executor;
    executor.watch(&checker);
    executor.forgetBarrier(forgottenBarrier, launch);
    try {
        run(&executor);
    } catch (const simt::Error& error) {
        return error.what();
    }
    return "";
}

// Each barrier of the launch-th kernel, from the first to be looked at, is missed, and it has no more than these.
inline void checkBarriers(const std::function<void(Stream)>& run, int launch, int barriers, int first = 1) {
    for (int barrier = first; barrier <= barriers; ++barrier) {
        INFO("barrier " << barrier << " of kernel " << launch);
        CHECK(races(run, barrier, launch) != "");
    }
    CHECK(races(run, barriers + 1, launch) == "");
}

} // namespace fovea::cuda
