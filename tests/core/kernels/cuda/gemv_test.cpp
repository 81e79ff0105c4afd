// Products of a few vectors, wherever machine.h says they run.

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/gemv_case.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using machine::Execution;
using Zeros = PackedRows::Zeros;

namespace {

// Of the sum of sizes: a lane adds up to some 50 products in fp32, at worst 2^-24 each.
constexpr double kTolerance = 2e-6;

void checkAgainstTruth(const GemvCase& problem) {
    INFO(problem.text());
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(problem.worstError(first) <= kTolerance);
    for (const Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

} // namespace

TEST_CASE("Products of floats agree with the definition for any width", "[core.kernels.cuda][gemv]") {
    for (const ElementType type : kElementTypes) {
        for (const std::int64_t in : {1, 3, 4, 32, 33, 127, 128, 132, 130, 516, 1000})
            for (const std::int64_t vectors : {1, 3})
                checkAgainstTruth({type, {}, {5}, in, vectors});
        for (const std::int64_t vectors : {1, 2, 3, 4, 5, 6, 7, 8, 9, 17})
            checkAgainstTruth({type, {}, {11}, 260, vectors});
        for (const std::int64_t rows : {1, 2, 7, 8, 9, 33})
            checkAgainstTruth({type, {}, {rows}, 64, 1});
    }
}

TEST_CASE("Up to three matrices share a launch, whatever their rows", "[core.kernels.cuda][gemv]") {
    for (const auto& rows : {std::vector<std::int64_t>{16, 4, 4}, {1, 9}, {3, 1, 30}, {7, 7, 7}})
        for (const std::int64_t vectors : {1, 2, 8}) {
            checkAgainstTruth({ElementType::BF16, {}, rows, 96, vectors});
            checkAgainstTruth({ElementType::F32, {4, 128}, rows, 256, vectors});
        }
}

TEST_CASE("Products of packed rows agree with the decoded ones", "[core.kernels.cuda][gemv]") {
    for (const int bits : {8, 4, 3, 2})
        for (const int group : {32, 64, 128, 256, 384})
            for (const Zeros zeros : {Zeros::Packed, Zeros::Wide, Zeros::Middle})
                checkAgainstTruth({ElementType::F32, {bits, group, zeros}, {6}, 1152, 1});
}

TEST_CASE("Packed rows may have any width", "[core.kernels.cuda][gemv]") {
    // With units of 64 and of 32 codes and odd ones behind the whole units, and rows that begin at odd bytes.
    for (const int bits : {8, 4, 3, 2})
        for (const std::int64_t in : {1, 31, 32, 65, 96, 127, 128, 129, 200, 227, 333, 1500})
            for (const int group : {32, 128})
                checkAgainstTruth({ElementType::F32, {bits, group}, {5}, in, in % 2 == 0 ? 1 : 3});
}

TEST_CASE("Packed rows are read once for up to eight vectors", "[core.kernels.cuda][gemv]") {
    for (const int bits : {8, 4, 3, 2})
        for (const std::int64_t vectors : {1, 2, 3, 4, 5, 6, 7, 8, 10})
            checkAgainstTruth({ElementType::F32, {bits, 64}, {9}, 448, vectors});
}

TEST_CASE("Rows with more groups than a warp has lanes", "[core.kernels.cuda][gemv]") {
    for (const int bits : {8, 4, 3, 2})
        checkAgainstTruth({ElementType::F32, {bits, 32}, {3}, 2400, 1});
}

TEST_CASE("A vector's product does not depend on those beside it", "[core.kernels.cuda][gemv]") {
    const std::int64_t in = 640, rows = 6;
    for (const int bits : {0, 8, 4, 3, 2}) {
        GemvCase together{ElementType::F16, {bits, 128}, {rows}, in, 8};
        const std::vector<float> all = together.run(machine::executions().front().stream);
        for (const std::size_t v : {0u, 3u, 7u}) {
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

TEST_CASE("What is not finite in a vector stays in its product", "[core.kernels.cuda][gemv]") {
    for (const int bits : {0, 4})
        for (const float odd :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            GemvCase problem{ElementType::BF16, {bits, 128}, {5}, 260, 3};
            problem.x = problem.inputs();
            problem.x[260 + 77] = odd;
            for (const Execution& execution : machine::executions()) {
                const std::vector<float> y = problem.run(execution.stream);
                for (std::size_t i = 0; i < y.size(); ++i)
                    REQUIRE(std::isfinite(y[i]) == (i / 5 != 1));
            }
        }
}

TEST_CASE("Products that the kernels cannot take are refused with the reason", "[core.kernels.cuda][gemv]") {
    using Catch::Contains;
    alignas(16) float memory[8] = {};
    const auto whyNot = [&](const auto& change) {
        Gemv step{{{memory, 1, memory}}, 1, memory, 8, 1};
        PackedRows rows{4, 128, Zeros::Packed, 2, 3, 7};
        change(step, rows);
        const std::string why = refusal(rows, step);
        if (!why.empty())
            CHECK_THROWS_AS(gemv(rows, step, machine::executions().front().stream), std::invalid_argument);
        return why;
    };
    CHECK(whyNot([](Gemv&, PackedRows&) {}) == "");
    CHECK_THAT(whyNot([](Gemv& step, PackedRows&) { step.count = 4; }), Contains("1 to 3 products, got 4"));
    CHECK_THAT(whyNot([](Gemv& step, PackedRows&) { step.in = 0; }), Contains("1 of 0"));
    CHECK_THAT(whyNot([](Gemv& step, PackedRows&) { step.vectors = 0; }), Contains("0 of 8"));
    CHECK_THAT(whyNot([](Gemv& step, PackedRows&) { step.products[0].rows = -1; }), Contains("-1"));
    CHECK_THAT(whyNot([](Gemv& step, PackedRows&) { step.products[0].y = nullptr; }), Contains("lacks"));
    CHECK_THAT(whyNot([&](Gemv& step, PackedRows&) { step.products[0].w = memory + 1; }),
               Contains("16 bytes"));
    CHECK_THAT(whyNot([&](Gemv& step, PackedRows&) { step.x = memory + 1; }), Contains("aligned"));
    CHECK_THAT(whyNot([](Gemv&, PackedRows& rows) { rows.bits = 5; }), Contains("got 5"));
    CHECK_THAT(whyNot([](Gemv&, PackedRows& rows) { rows.group = 96; }), Contains("got 96"));
    CHECK_THAT(whyNot([](Gemv&, PackedRows& rows) { rows.bytes = 6; }), Contains("overlap"));
}
