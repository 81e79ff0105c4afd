// The kernels of the model with every access watched, and with each of their barriers left out.

#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/gemv_case.h"
#include "tests/core/kernels/cuda/model_kernel_cases.h"
#include "tests/core/kernels/cuda/prefill_case.h"
#include "tests/core/kernels/cuda/race_watch.h"
#include "tests/core/kernels/cuda/sampling_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

TEST_CASE("Norms have no race, in place either", "[core.kernels.cuda.races][model]") {
    for (const bool centred : {false, true})
        for (const int n : {40, 700})
            for (const bool inPlace : {false, true}) {
                const NormCase problem{centred, ElementType::F16, n, 2, inPlace};
                INFO(problem.text());
                CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
            }
}

TEST_CASE("A norm without one of its barriers has a race", "[core.kernels.cuda.races][model]") {
    const NormCase rms{false, ElementType::F32, 700, 1}, layer{true, ElementType::F32, 700, 1};
    CHECK_THAT(races([&](Stream stream) { rms.run(stream); }, 1),
               Contains("norm_rows.cuh:") || Contains("unknown"));
    for (const int barrier : {1, 2})
        CHECK_THAT(races([&](Stream stream) { layer.run(stream); }, barrier),
                   Contains("norm_rows.cuh:") || Contains("unknown"));
}

TEST_CASE("Steps of elements have no race", "[core.kernels.cuda.races][model]") {
    CHECK(races([](Stream stream) { RopeCase{3, 20, 8, 4}.run(stream); }) == "");
    CHECK(races([](Stream stream) {
              runActivation(Activation::Gelu, madeUp(500, 1), madeUp(500, 2), stream);
          }) == "");
}

TEST_CASE("Products have no race, and no barrier that could be forgotten",
          "[core.kernels.cuda.races][model]") {
    for (const GemvCase& problem :
         {GemvCase{ElementType::BF16, {}, {9, 5}, 136, 3}, GemvCase{ElementType::F32, {}, {3}, 67, 1},
          GemvCase{ElementType::F32, {4, 64}, {7, 2}, 420, 2},
          GemvCase{ElementType::F32, {3, 32}, {5}, 333, 5}}) {
        INFO(problem.text());
        CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
    }
}

TEST_CASE("Products by blocks have no race, and those of many vectors without any of their barriers one",
          "[core.kernels.cuda.races][model]") {
    for (const BlockType type : kBlockTypes)
        for (const MultipliedBy by : {MultipliedBy::Gemv, MultipliedBy::Gemm}) {
            GemvCase problem{ElementType::F32, {}, {9}, 256, 3, {}, by};
            problem.blocks = type;
            INFO(problem.text());
            CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
        }
    GemvCase twoLoads{ElementType::F32, {}, {5}, 256, 9, {}, MultipliedBy::Gemm}; // of eight steps
    twoLoads.blocks = BlockType::Q4_K;
    checkBarriers([&](Stream stream) { twoLoads.run(stream); }, 1, 15);
}

TEST_CASE("Rounding has no race, and one without its barrier; products of whole numbers have none",
          "[core.kernels.cuda.races][model]") {
    for (const int weightBits : {0, 8, 3}) {
        const auto run = [&](Stream stream) {
            RoundedActs({8, false}, madeUp(600, 3), 300, weightBits, stream);
        };
        CHECK(races(run) == "");
        checkBarriers(run, 1, 1);
    }
    for (const int bits : {8, 3}) {
        GemvCase problem{ElementType::F32, {bits, 128}, {7, 2}, 420, 2};
        problem.acts = {8, false};
        INFO(problem.text());
        CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
        problem.in = 384, problem.by = MultipliedBy::Gemm; // three units
        CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
        problem.rows = {7};
        checkBarriers([&](Stream stream) { problem.run(stream); }, 2, 5); // after the rounding
    }
}

TEST_CASE("Products of many vectors have no race, and without any of their barriers one",
          "[core.kernels.cuda.races][model]") {
    // Three steps of columns, the last of which is short.
    for (const GemvCase& problem :
         {GemvCase{ElementType::F32, {}, {70, 5}, 72, 9, {}, MultipliedBy::OrdinaryGemm},
          GemvCase{ElementType::BF16, {}, {130}, 72, 66, {}, MultipliedBy::Gemm},
          GemvCase{ElementType::F32, {4, 32}, {9}, 96, 12, {}, MultipliedBy::Gemm}}) {
        INFO(problem.text());
        CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
        GemvCase alone = problem; // one block
        alone.rows = {9}, alone.vectors = 9;
        checkBarriers([&](Stream stream) { alone.run(stream); }, 1, 5);
    }
    const GemvCase twoUnits{ElementType::F32, {3, 128}, {5}, 256, 9, {}, MultipliedBy::Gemm};
    checkBarriers([&](Stream stream) { twoUnits.run(stream); }, 1, 15);
}

TEST_CASE("Choosing tokens has no race, and one without any of its barriers",
          "[core.kernels.cuda.races][model]") {
    const SamplingCase greedy{{madeUpLogits(300, 3, 0, 1), madeUpLogits(300, 3, 0, 2)}};
    CHECK(races([&](Stream stream) { greedy.run(stream); }) == "");
    CHECK_THAT(races([&](Stream stream) { greedy.run(stream); }, 1),
               Contains("race") || Contains("nobody wrote"));

    // Three limits of three digits of four barriers each, and one to count equal logits.
    constexpr int kBarriers = 37;
    const SamplingCase drawn{{madeUpLogits(200, 3, 0.5f, 3)}, 1, 100, 0.9f, 7};
    CHECK(races([&](Stream stream) { drawn.run(stream); }) == "");
    simt::Executor executor;
    drawn.run(&executor);
    CHECK(executor.counts().barriers == kBarriers + 2); // and one each of findPeaks and sumExponentials
    constexpr int kLaunchOfChoose = 3;
    for (int barrier = 1; barrier <= kBarriers; ++barrier) {
        INFO("barrier " << barrier);
        CHECK_THAT(races([&](Stream stream) { drawn.run(stream); }, barrier, kLaunchOfChoose),
                   Contains("race") || Contains("nobody wrote"));
    }
    constexpr int kLaunchOfSums = 4;
    CHECK_THAT(races([&](Stream stream) { drawn.run(stream); }, 1, kLaunchOfSums),
               Contains("race") || Contains("nobody wrote"));
}

TEST_CASE("A prompt's weights have no race, and one without any of their barriers",
          "[core.kernels.cuda.races][model]") {
    PromptCase problem{ElementType::F32, 1, 2, 16, {{20, 10}}};
    problem.weighed = true;
    simt::Executor executor;
    problem.run(&executor);
    constexpr int kLaunchOfWeights = 2, kBarriers = 3; // one of the first head, two of the second
    REQUIRE(executor.counts().barriers == 2 * 3 + kBarriers);
    for (const int bits : {0, 8, 3}) {
        problem.codes = {bits, 128, 1};
        CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
        for (int barrier = 1; barrier <= kBarriers; ++barrier)
            CHECK_THAT(races([&](Stream stream) { problem.run(stream); }, barrier, kLaunchOfWeights),
                       Contains("prefill") || Contains("unknown"));
    }
}

TEST_CASE("A prompt's attention has no race, and one without any of its barriers",
          "[core.kernels.cuda.races][model]") {
    for (const ElementType type : {ElementType::F32, ElementType::BF16})
        for (const int headDim : {24, 256})
            for (const bool shuffled : {false, true}) {
                const PromptCase problem{type, 1, 2,       headDim, {{60, 40}}, 32, {{2, 20}, {0, 50}},
                                         80,   0, shuffled};
                INFO(problem.text());
                CHECK(races([&](Stream stream) { problem.run(stream); }) == "");
            }
    const int turnedSinks = GENERATE(0, 40); // which lie in both tiles
    PromptCase twoTiles{ElementType::F32, 1, 1, 16, {{40, 20}}};
    twoTiles.turnedSinks = turnedSinks;
    twoTiles.rotated = 16;
    twoTiles.turnedBy = [](std::int64_t p, std::int64_t) { return -p; };
    const auto withoutAny = [&](std::uint64_t barriers, const char* file) {
        simt::Executor executor;
        twoTiles.run(&executor);
        REQUIRE(executor.counts().barriers == barriers);
        for (int barrier = 1; barrier <= static_cast<int>(barriers); ++barrier)
            CHECK_THAT(races([&](Stream stream) { twoTiles.run(stream); }, barrier),
                       Contains(file) || Contains("unknown"));
    };
    withoutAny(7, "prefill.cuh:"); // three of the first tile, four of the second
    for (const int bits : {8, 3}) {
        twoTiles.codes = {bits, 128, 1};
        CHECK(races([&](Stream stream) { twoTiles.run(stream); }) == "");
        withoutAny(7, "prefill.cuh:");
    }
    twoTiles.codes = {};
    twoTiles.type = ElementType::BF16;
    withoutAny(3, "prefill_matrix.cuh:"); // one and two
    twoTiles.changedValue = [](int, std::int64_t j, int, float x) {
        return j % 32 == 5 ? std::numeric_limits<float>::infinity() : x;
    };
    withoutAny(5, "prefill_matrix.cuh:"); // two and three
}
