#pragma once
// A run with every access reported to the race checker; for programs whose kernels are compiled for that.

#include <string>

#include <simt.h>

#include "tests/support/simt/race_checker.h"

namespace fovea::cuda {

// What the checker has against run(stream), where each thread walks through its n-th barrier as if it were not
// there, in one launch or (0) in all; empty when nothing. In forward order alone: what is found does not depend on luck.
template <class Run>
std::string racesOf(const Run& run, int forgottenBarrier = 0, int launch = 0) {
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

} // namespace fovea::cuda
