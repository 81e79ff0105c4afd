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
