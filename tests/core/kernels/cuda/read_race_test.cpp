// The kernels of reads with every access watched, and with each of their barriers forgotten.

#include <functional>
#include <string>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/sparq_case.h"
#include "tests/support/simt/executor.h"
#include "tests/support/simt/race_checker.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

// In forward order alone: what the checker finds does not depend on luck.
std::string races(const std::function<void(Stream)>& run, int forgottenBarrier = 0) {
    simt::RaceChecker checker;
    simt::Executor executor;
    executor.watch(&checker);
    executor.forgetBarrier(forgottenBarrier);
    try {
        run(&executor);
    } catch (const simt::Error& error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("SparQ's choice has no race", "[core.kernels.cuda.races]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 3, 9}) {
            const ReadCase problem({type, 2, group, 32, 70});
            INFO(problem.geometry.text());
            CHECK(races([&](Stream stream) { runSparq(problem, {}, stream); }) == "");
        }
}

TEST_CASE("SparQ's choice without one of its barriers has a race", "[core.kernels.cuda.races]") {
    SparqSettings settings;
    ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    settings.byAge.emplace_back();
    for (std::int32_t slot = 0; slot < 200; ++slot)
        settings.byAge[0].push_back(199 - slot);
    const auto run = [&](Stream stream) { runSparq(problem, settings, stream); };
    constexpr int kBarriers = 17; // of selectSlots, the longer of the two kernels
    for (int barrier = 1; barrier <= kBarriers; ++barrier) {
        INFO("barrier " << barrier);
        CHECK(races(run, barrier) != "");
    }
    CHECK(races(run, kBarriers + 1) == ""); // there is no other
}
