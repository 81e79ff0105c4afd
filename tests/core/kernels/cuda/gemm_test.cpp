// Products of many vectors, wherever machine.h says they run.

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/gemv_case.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using Zeros = PackedRows::Zeros;

namespace {

// Of the sum of sizes: a thread adds up as many products in fp32 as a row has columns; of bf16 2^-18 of x is lost.
constexpr double kTolerance = 3e-6, kMatrixTolerance = 6e-6;

void checkOne(const GemvCase& problem) {
    INFO(problem.text());
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(problem.worstError(first) <= (problem.by == MultipliedBy::Gemm ? kMatrixTolerance : kTolerance));
    for (const machine::Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

// On both kinds of units, where there are two.
void checkAgainstTruth(GemvCase problem) {
    problem.by = MultipliedBy::OrdinaryGemm;
    checkOne(problem);
    problem.by = MultipliedBy::Gemm;
    if (problem.isFloats() && problem.type != ElementType::F32)
        checkOne(problem);
}

} // namespace

TEST_CASE("Products of many vectors agree with the definition for any width", "[core.kernels.cuda][gemm]") {
    for (const ElementType type : kElementTypes)
        for (const std::int64_t in : {8, 24, 32, 40, 128, 200})
            checkAgainstTruth({type, {}, {7}, in, 9});
}

TEST_CASE("Products of any number of vectors and rows are whole", "[core.kernels.cuda][gemm]") {
    for (const ElementType type : kElementTypes) {
        for (const std::int64_t vectors : {1, 16, 63, 64, 65, 130})
            checkAgainstTruth({type, {}, {20}, 40, vectors});
        for (const std::int64_t rows : {1, 63, 64, 65, 127, 128, 129, 200})
            checkAgainstTruth({type, {}, {rows}, 40, 12});
    }
}

TEST_CASE("Up to three matrices share a launch of many vectors", "[core.kernels.cuda][gemm]") {
    for (const auto& rows : {std::vector<std::int64_t>{130, 4, 4}, {1, 90}, {70, 1, 200}}) {
        checkAgainstTruth({ElementType::BF16, {}, rows, 48, 70});
        checkAgainstTruth({ElementType::F32, {4, 128}, rows, 128, 70});
    }
}

TEST_CASE("Products of many vectors by packed rows agree with the decoded ones",
          "[core.kernels.cuda][gemm]") {
    for (const int bits : {8, 4, 3, 2})
        for (const int group : {32, 64, 128, 256})
            for (const Zeros zeros : {Zeros::Packed, Zeros::Wide, Zeros::Middle})
                checkAgainstTruth({ElementType::F32, {bits, group, zeros}, {6}, 384, 10});
}

TEST_CASE("Packed rows of many vectors may have any width", "[core.kernels.cuda][gemm]") {
    // With units of 64 and of 32 codes and odd ones behind the whole units, and rows that begin at odd bytes; widths of no
    // whole words are those of few vectors.
    for (const int bits : {8, 4, 3, 2})
        for (const std::int64_t in : {4, 32, 96, 127, 128, 132, 200, 228, 332})
            for (const int group : {32, 128})
                checkAgainstTruth({ElementType::F32, {bits, group}, {5}, in, 9});
}

TEST_CASE("Floats of no whole words are multiplied all the same", "[core.kernels.cuda][gemm]") {
    for (const ElementType type : kElementTypes)
        for (const std::int64_t in : {1, 6, 33, 67})
            checkAgainstTruth({type, {}, {5}, in, 11});
    checkAgainstTruth({ElementType::F32, {}, {5}, 12, 11});
    checkAgainstTruth({ElementType::F16, {}, {5}, 12, 11});
}

TEST_CASE("Of many vectors none depends on those beside it", "[core.kernels.cuda][gemm]") {
    const std::int64_t in = 160, rows = 6;
    for (const MultipliedBy by : {MultipliedBy::Gemm, MultipliedBy::OrdinaryGemm})
        for (const int bits : {0, 8, 3}) {
            GemvCase together{ElementType::F16, {bits, 128}, {rows}, in, 70, {}, by};
            const std::vector<float> all = together.run(machine::executions().front().stream);
            for (const std::size_t v : {0u, 17u, 63u, 69u}) {
                GemvCase alone = together;
                const std::vector<float> x = together.inputs();
                alone.vectors = 1;
                alone.x.assign(x.begin() + static_cast<std::ptrdiff_t>(v) * in,
                               x.begin() + static_cast<std::ptrdiff_t>(v + 1) * in);
                const std::vector<float> mine(all.begin() + static_cast<std::ptrdiff_t>(v) * rows,
                                              all.begin() + static_cast<std::ptrdiff_t>(v + 1) * rows);
                CHECK(sameBits(alone.run(machine::executions().front().stream), mine));
            }
        }
}

TEST_CASE("What is not finite in one of many vectors stays in its product", "[core.kernels.cuda][gemm]") {
    for (const MultipliedBy by : {MultipliedBy::Gemm, MultipliedBy::OrdinaryGemm})
        for (const ElementType type : {ElementType::F16, ElementType::BF16})
            for (const int bits : {0, 4})
                for (const float odd :
                     {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
                    GemvCase problem{type, {bits, 128}, {5}, 136, 12, {}, by};
                    problem.x = problem.inputs();
                    problem.x[3 * 136 + 77] = odd;
                    for (const machine::Execution& execution : machine::executions()) {
                        const std::vector<float> y = problem.run(execution.stream);
                        for (std::size_t i = 0; i < y.size(); ++i)
                            REQUIRE(std::isfinite(y[i]) == (i / 5 != 3));
                    }
                }
}

TEST_CASE("Vectors of any size keep their digits in two halves", "[core.kernels.cuda][gemm]") {
    for (const float size : {1e-3f, 100.0f, 3e4f})
        for (const ElementType type : {ElementType::F16, ElementType::BF16}) {
            GemvCase problem{type, {}, {9}, 64, 10, {}, MultipliedBy::Gemm};
            problem.x = problem.inputs();
            for (float& x : problem.x)
                x = std::fmin(std::fmax(x, -2.0f), 2.0f) * size;
            // Below 2^-14 f16 has steps of 2^-24, of which a half is lost.
            const double lost = type == ElementType::F16 && size < 1 ? 1.0 / (1 << 25) / size : 0;
            CHECK(problem.worstError(problem.run(machine::executions().front().stream)) <=
                  kMatrixTolerance + lost);
        }
}

TEST_CASE("Products of many vectors are refused as those of few are", "[core.kernels.cuda][gemm]") {
    alignas(16) float memory[8] = {};
    const Stream stream = machine::executions().front().stream;
    const Gemv none{{{memory, 1, memory}}, 1, memory, 8, 0}, odd{{{memory + 1, 1, memory}}, 1, memory, 4, 1};
    CHECK_THROWS_AS(gemm(ElementType::F32, none, stream), std::invalid_argument);
    CHECK_THROWS_AS(gemm(ElementType::F32, odd, stream), std::invalid_argument);
    CHECK_THROWS_AS(
        gemm(PackedRows{5, 128, Zeros::Packed, 2, 3, 7}, {{{memory, 1, memory}}, 1, memory, 8, 1}, stream),
        std::invalid_argument);
}
