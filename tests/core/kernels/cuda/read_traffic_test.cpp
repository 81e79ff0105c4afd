// What the kernels of reads read, counted load by load, against what their headers state.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/quest_case.h"
#include "tests/core/kernels/cuda/sparq_case.h"
#include "tests/core/kernels/cuda/topv_case.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;

TEST_CASE("SparQ reads r columns of live words once for all query heads that share them",
          "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int r : {1, 8, 13})
            for (const int group : {1, 3, 8, 9}) {
                const ReadCase problem({type, 2, group, 64, 1040}); // whole words
                simt::Executor executor;
                runSparq(problem, {r, 16, 4}, &executor);
                const int tiles = (group + 7) / 8;
                CHECK(executor.counts().bytesLoaded ==
                      static_cast<std::uint64_t>(2 * tiles * r * 1040 * elementBytes(type)));
            }
}

TEST_CASE("Quest reads the bounds of live pages once for all query heads, and no key",
          "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 9}) {
            const ReadCase problem({type, 2, group, 64, 77});
            simt::Executor executor;
            runQuest(problem, {8, 4, 3}, &executor);
            CHECK(executor.counts().bytesLoaded ==
                  static_cast<std::uint64_t>(2 * 10 * 2 * 64 * elementBytes(type)));
        }
}

TEST_CASE("Top-k V's choice reads every key once for eight query heads, and no value",
          "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int group : {1, 3, 8, 9}) {
            const ReadCase problem({type, 2, group, 96, 300});
            simt::Executor executor;
            runTopv(problem, 16, &executor);
            const int tiles = (group + 7) / 8;
            CHECK(executor.counts().bytesLoaded ==
                  static_cast<std::uint64_t>(2 * tiles * 300 * 96 * elementBytes(type)));
            simt::Executor sums; // of the chosen values alone
            chosenValues(problem, 16, runTopv(problem, 16, &executor), false, &sums);
            CHECK(sums.counts().bytesLoaded ==
                  static_cast<std::uint64_t>(2 * tiles * 16 * 96 * elementBytes(type)));
        }
}
