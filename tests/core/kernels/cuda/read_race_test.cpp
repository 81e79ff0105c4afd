// The kernels of reads with every access watched, and with each of their barriers forgotten.

#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/quest_case.h"
#include "tests/core/kernels/cuda/sparq_case.h"
#include "tests/core/kernels/cuda/topv_case.h"
#include "tests/support/simt/executor.h"
#include "tests/support/simt/race_checker.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// In forward order alone: what the checker finds does not depend on luck.
std::string races(const std::function<void(Stream)>& run, int forgottenBarrier = 0, int launch = 0) {
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

// Each barrier of the launch-th kernel is missed, and it has no more than these.
void checkBarriers(const std::function<void(Stream)>& run, int launch, int barriers) {
    for (int barrier = 1; barrier <= barriers; ++barrier) {
        INFO("barrier " << barrier << " of kernel " << launch);
        CHECK(races(run, barrier, launch) != "");
    }
    CHECK(races(run, barriers + 1, launch) == "");
}

// 199 … 0
std::vector<std::int32_t> backwards() {
    std::vector<std::int32_t> slots;
    for (std::int32_t slot = 200; slot-- > 0;)
        slots.push_back(slot);
    return slots;
}

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

} // namespace

TEST_CASE("The choices of reads have no race", "[core.kernels.cuda.races]") {
    for (const ElementType type : kTypes)
        for (const int group : {1, 3, 9}) {
            const ReadCase problem({type, 2, group, 32, 270});
            INFO(problem.geometry.text());
            CHECK(races([&](Stream stream) { runSparq(problem, {}, stream); }) == "");
            CHECK(races([&](Stream stream) { runQuest(problem, {}, stream); }) == "");
            CHECK(races([&](Stream stream) { runTopv(problem, 16, stream); }) == "");
        }
}

TEST_CASE("Each kernel of SparQ's choice without one of its barriers has a race",
          "[core.kernels.cuda.races]") {
    const ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    SparqSettings settings;
    settings.byAge = {backwards()};
    const auto run = [&](Stream stream) { runSparq(problem, settings, stream); };
    checkBarriers(run, 1, 5);
    checkBarriers(run, 2, 15);
}

TEST_CASE("Each kernel of Quest's choice without one of its barriers has a race",
          "[core.kernels.cuda.races]") {
    const ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    QuestSettings settings;
    settings.byAge = {backwards()};
    const auto run = [&](Stream stream) { runQuest(problem, settings, stream); };
    checkBarriers(run, 1, 0);
    checkBarriers(run, 2, 14);
}

TEST_CASE("Top-k V's scores without one of their barriers have a race", "[core.kernels.cuda.races]") {
    const ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    checkBarriers([&](Stream stream) { runTopv(problem, 16, stream); }, 1, 2);
}
