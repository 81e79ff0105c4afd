// The kernels compiled with every access reported to the race checker.

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <simt.h>

#include "tests/core/kernels/cuda/attention_case.h"
#include "tests/core/kernels/cuda/planted_bugs.h"
#include "tests/support/simt/race_checker.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

// In forward order alone: what the checker finds does not depend on luck.
std::string races(void (*kernel)(float*), unsigned blocks = 1) {
    simt::RaceChecker checker;
    simt::Executor executor;
    executor.watch(&checker);
    std::vector<float> out(128, 0.0f);
    try {
        launch(kernel, dim3(blocks), dim3(128), 512, &executor, out.data());
    } catch (const simt::Error& error) {
        return error.what();
    }
    return "";
}

std::string races(const AttentionCase& problem, int forgottenBarrier = 0) {
    simt::RaceChecker checker;
    simt::Executor executor;
    executor.watch(&checker);
    executor.forgetBarrier(forgottenBarrier);
    try {
        problem.attend(&executor);
    } catch (const simt::Error& error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("The race checker finds what no order of execution shows", "[core.kernels.cuda.races]") {
    CHECK(races(planted::reverseRight) == "");
    CHECK(races(planted::reverseRight, 2) != ""); // two blocks write the same out
    CHECK_THAT(races(planted::barrierLeftOut), Contains("nobody wrote"));
    CHECK_THAT(races(planted::broadcastWithoutBarrier), Contains("race: read by thread 1"));
    CHECK_THAT(races(planted::countWithoutAtomics), Contains("race: "));
    CHECK_THAT(races(planted::sharedReadUnwritten), Contains("nobody wrote"));
    CHECK(races(planted::countAtomically) == "");
    CHECK_THAT(races(planted::countReadTooEarly), Contains("race: "));
    CHECK_THAT(races(planted::countFromNothing), Contains("nobody wrote"));
    CHECK(races(planted::blocksShareACell, 1) == "");
    CHECK_THAT(races(planted::blocksShareACell, 2), Contains("block 0"));
}

TEST_CASE("The attention kernels have no race", "[core.kernels.cuda.races]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 4, 9})
            for (const int splits : {1, 3}) {
                const Geometry geometry{type, 2, group, 96, 70, splits};
                INFO(geometry.text());
                CHECK(races(AttentionCase(geometry)) == "");
            }
}

TEST_CASE("The attention kernels have no race over rows of codes", "[core.kernels.cuda.races]") {
    for (const RowCodes codes :
         {RowCodes{8, 128, 1}, RowCodes{4, 32, 2}, RowCodes{3, 128, 0}, RowCodes{2, 64, 1}})
        for (const int group : {1, 4}) {
            const Geometry geometry{ElementType::F32, 2, group, 96, 70, 3, 64, codes};
            INFO(geometry.text());
            CHECK(races(AttentionCase(geometry)) == "");
        }
}

TEST_CASE("The attention kernels have no race with all that may be asked for beside",
          "[core.kernels.cuda.races]") {
    for (const bool byList : {false, true})
        for (const int splits : {1, 3}) {
            AttentionCase problem({ElementType::F16, 2, 4, 96, 70, splits, 32});
            if (byList)
                problem.lists = {{1, 5, 6, 33, 69}, {0, 2, 40, 41, 42, 43, 50}};
            problem.softcap = 20;
            problem.reported = true;
            problem.alphas.assign(8, 0.5f);
            CHECK(races(problem) == "");
            problem.reported = false;
            problem.sights.assign(8, {2, 30});
            CHECK(races(problem) == "");
            if (byList)
                continue;
            problem.turned = {0, 1, 2};
            problem.turnedQ.assign(3 * problem.q.size(), 0.5f);
            CHECK(races(problem) == "");
        }
}

TEST_CASE("The attention kernel over lists without one of its barriers has a race",
          "[core.kernels.cuda.races]") {
    AttentionCase problem({ElementType::F32, 2, 2, 64, 70, 1, 64, {4, 32, 1}});
    problem.lists = {{1, 5, 6, 33, 69}, {0, 2, 40, 41, 42, 43, 50}};
    for (const int barrier : {1, 2})
        CHECK_THAT(races(problem, barrier), Contains("attend_span.cuh:") || Contains("an unknown line"));
}

TEST_CASE("The attention kernel without one of its barriers has a race", "[core.kernels.cuda.races]") {
    const Geometry geometry{ElementType::F32, 1, 2, 64, 70, 1};
    for (const int barrier : {1, 2}) // with the line, where binutils are installed
        CHECK_THAT(races(AttentionCase(geometry), barrier),
                   Contains("attend_span.cuh:") || Contains("an unknown line"));
}
