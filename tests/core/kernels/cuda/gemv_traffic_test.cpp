// What products read of their weights, counted load by load, against what their headers state.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/gemv_case.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

std::int64_t bytesLoaded(const GemvCase& problem) {
    simt::Executor executor;
    problem.run(&executor);
    return static_cast<std::int64_t>(executor.counts().bytesLoaded);
}

} // namespace

TEST_CASE("Each float weight is read once for up to eight vectors", "[core.kernels.cuda][gemv]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const std::int64_t vectors : {1, 3, 8, 9, 24}) {
            const GemvCase problem{type, {}, {13, 6}, 140, vectors};
            INFO(problem.text());
            CHECK(bytesLoaded(problem) == problem.weightBytes() * ((vectors + 7) / 8));
        }
}

TEST_CASE("Each code is read once for up to eight vectors", "[core.kernels.cuda][gemv]") {
    for (const int bits : {8, 4, 3, 2})
        for (const std::int64_t vectors : {1, 3, 8, 9}) {
            const GemvCase problem{ElementType::F32, {bits, 64}, {13, 6}, 640, vectors};
            INFO(problem.text());
            CHECK(bytesLoaded(problem) == 19 * 640 * bits / 8 * ((vectors + 7) / 8));
        }
}

TEST_CASE("Codes of blocks are asked for once for up to eight vectors, or 64",
          "[core.kernels.cuda][blocks]") {
    // Bytes of codes that the lanes of a unit of 256 ask for: those of the block, where several lanes share words more.
    const std::pair<BlockType, std::int64_t> asked[] = {
        {BlockType::Q4_0, 128}, {BlockType::Q4_1, 128}, {BlockType::Q5_0, 128}, {BlockType::Q5_1, 128},
        {BlockType::Q8_0, 256}, {BlockType::Q2_K, 128}, {BlockType::Q3_K, 256}, {BlockType::Q4_K, 128},
        {BlockType::Q5_K, 256}, {BlockType::Q6_K, 384}};
    for (const auto& [type, bytes] : asked)
        for (const MultipliedBy by : {MultipliedBy::Gemv, MultipliedBy::Gemm})
            for (const std::int64_t vectors : {1, 3, 8, 9, 65}) {
                GemvCase problem{ElementType::F32, {}, {13, 6}, 512, vectors, {}, by};
                problem.blocks = type;
                INFO(problem.text());
                const std::int64_t together = by == MultipliedBy::Gemv ? kMostVectors : kGemmVectors;
                CHECK(bytesLoaded(problem) == 19 * 2 * bytes * ((vectors + together - 1) / together));
            }
}

TEST_CASE("Whole numbers meet each code once for up to eight vectors, or 64", "[core.kernels.cuda][acts]") {
    for (const int bits : {8, 4, 3, 2})
        for (const MultipliedBy by : {MultipliedBy::Gemv, MultipliedBy::Gemm})
            for (const std::int64_t vectors : {1, 3, 8, 9, 65}) {
                GemvCase problem{ElementType::F32, {bits, 128}, {13, 6}, 640, vectors, {}, by};
                problem.acts = {8, false};
                INFO(problem.text());
                const std::int64_t together = by == MultipliedBy::Gemv ? kMostVectors : kGemmVectors;
                CHECK(bytesLoaded(problem) == 19 * 640 * bits / 8 * ((vectors + together - 1) / together));
            }
}

TEST_CASE("Of many vectors each weight is read once for up to 64", "[core.kernels.cuda][gemm]") {
    for (const MultipliedBy by : {MultipliedBy::Gemm, MultipliedBy::OrdinaryGemm})
        for (const std::int64_t vectors : {9, 64, 65, 129}) {
            const std::int64_t tiles = (vectors + kGemmVectors - 1) / kGemmVectors;
            for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
                const GemvCase problem{type, {}, {130, 6}, 72, vectors, {}, by};
                INFO(problem.text());
                CHECK(bytesLoaded(problem) == problem.weightBytes() * tiles);
            }
            const GemvCase packed{ElementType::F32, {3, 64}, {13, 6}, 256, vectors, {}, by};
            CHECK(bytesLoaded(packed) == 19 * 256 * 3 / 8 * tiles);
        }
}
