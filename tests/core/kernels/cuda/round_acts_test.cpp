// Activations rounded token by token, and products by them, wherever machine.h says they run.

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/acts_case.h"
#include "tests/core/kernels/cuda/gemv_case.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using machine::Execution;
using Zeros = PackedRows::Zeros;

namespace {

constexpr RoundedAs kActs[] = {{8, false}, {4, false}, {8, true}, {4, true}};

void checkRounding(const std::vector<float>& x, std::int64_t n) {
    for (const RoundedAs& acts : kActs)
        for (const int weightBits : {0, 8, 4}) {
            INFO(acts.bits << " bits" << (acts.symmetric ? ", symmetric, " : ", ") << n
                           << " components, weights of " << weightBits);
            for (const Execution& execution : machine::executions())
                CHECK_NOTHROW(RoundedActs(acts, x, n, weightBits, execution.stream).check(acts, x));
        }
}

// Of the sum of sizes: sums within a group are exact, and those of groups few.
constexpr double kTolerance = 1e-6;

void checkAgainstTruth(const GemvCase& problem) {
    INFO(problem.text());
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(problem.worstError(first) <= kTolerance);
    for (const Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

GemvCase wholeCase(const RoundedAs& acts, const PackedAs& packed, std::vector<std::int64_t> rows,
                   std::int64_t in, std::int64_t vectors) {
    GemvCase problem{ElementType::F32, packed, std::move(rows), in, vectors};
    problem.acts = acts;
    return problem;
}

} // namespace

TEST_CASE("Activations are rounded to the formula's codes, bit for bit", "[core.kernels.cuda][acts]") {
    for (const std::int64_t n : {1, 2, 31, 127, 128, 129, 256, 300, 1000})
        checkRounding(madeUp(static_cast<std::size_t>(3 * n), static_cast<unsigned>(n)), n);
}

TEST_CASE("Ties go to even codes, and the ends of the range to theirs", "[core.kernels.cuda][acts]") {
    // Halves of a step of 1: asymmetric at 8 bits from 0 to 255, symmetric to 127; at 4 bits to 15, to 7.
    for (const float most : {255.0f, 127.0f, 15.0f, 7.0f}) {
        std::vector<float> x(160);
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] = std::fmin(0.5f * static_cast<float>(i), most);
        x.back() = most;
        checkRounding(x, 160);
        for (float& value : x)
            value = -value;
        checkRounding(x, 160);
        x.front() = most;
        checkRounding(x, 160);
    }
}

TEST_CASE("Rounding of what is all the same, tiny or large", "[core.kernels.cuda][acts]") {
    for (const float size : {0.0f, 1.0f, -3.5f, 1e-7f, 1e-30f, 3e38f})
        checkRounding(std::vector<float>(140, size), 140);
    std::vector<float> wide = madeUp(140, 4);
    wide[3] = 3e38f, wide[9] = -3e38f; // a range beyond fp32
    checkRounding(wide, 140);
}

TEST_CASE("A vector with what is not finite rounds to NaN, and no other", "[core.kernels.cuda][acts]") {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    for (const std::int64_t n : {5, 200, 600})
        for (const float odd : {inf, -inf, nan}) {
            std::vector<float> x = madeUp(static_cast<std::size_t>(3 * n), 8);
            x[static_cast<std::size_t>(2 * n - 1)] = odd;
            checkRounding(x, n);
        }
}

TEST_CASE("Products of whole numbers are those of what they stand for", "[core.kernels.cuda][acts]") {
    for (const RoundedAs& acts : kActs)
        for (const int bits : {8, 4, 3, 2})
            for (const int group : {128, 256, 384})
                for (const Zeros zeros : {Zeros::Packed, Zeros::Wide, Zeros::Middle})
                    checkAgainstTruth(wholeCase(acts, {bits, group, zeros}, {6}, 1152, 1));
}

TEST_CASE("Products of whole numbers at any width, rows and vectors", "[core.kernels.cuda][acts]") {
    for (const RoundedAs& acts : kActs)
        for (const int bits : {8, 4, 3, 2}) {
            for (const std::int64_t in : {128, 132, 200, 256, 333, 640, 1500})
                checkAgainstTruth(wholeCase(acts, {bits, 128}, {5}, in, 2));
            for (const std::int64_t vectors : {1, 3, 4, 7, 8, 9})
                checkAgainstTruth(wholeCase(acts, {bits, 128}, {9, 1}, 256, vectors));
        }
    for (const int bits : {8, 4, 3, 2}) // more groups than a warp has lanes
        checkAgainstTruth(wholeCase({8, false}, {bits, 128}, {3}, 128 * 67, 1));
}

TEST_CASE("Products of many vectors of whole numbers are those of what they stand for",
          "[core.kernels.cuda][acts]") {
    const auto many = [](GemvCase problem) {
        problem.by = MultipliedBy::Gemm;
        checkAgainstTruth(problem);
    };
    for (const RoundedAs& acts : kActs)
        for (const int bits : {8, 4, 3, 2}) {
            for (const int group : {128, 256, 384})
                for (const Zeros zeros : {Zeros::Packed, Zeros::Wide, Zeros::Middle})
                    many(wholeCase(acts, {bits, group, zeros}, {6}, 640, 9));
            many(wholeCase(acts, {bits, 128}, {5}, 332, 9)); // as floats
            many(wholeCase(acts, {bits, 128}, {65, 1, 9}, 256, 66));
        }
    for (const std::int64_t vectors : {1, 63, 64, 65, 130})
        many(wholeCase({8, false}, {8, 128}, {7}, 128, vectors));
    for (const std::int64_t rows : {1, 63, 64, 65, 130})
        many(wholeCase({8, false}, {4, 128}, {rows}, 128, 5));
}

TEST_CASE("The largest codes of weights and activations do not overflow", "[core.kernels.cuda][acts]") {
    for (const bool symmetric : {false, true}) {
        GemvCase problem = wholeCase({8, symmetric}, {8, 384, Zeros::Wide}, {4}, 1152, 2);
        problem.x.assign(2 * 1152, -1.0f);
        for (std::size_t i = 0; i < problem.x.size(); i += 1152)
            problem.x[i] = symmetric ? -1.0f : 1e-3f; // zeros at the end of their range
        checkAgainstTruth(problem);
        problem.by = MultipliedBy::Gemm;
        checkAgainstTruth(problem);
    }
}

TEST_CASE("A product of whole numbers does not depend on those beside it", "[core.kernels.cuda][acts]") {
    const std::int64_t in = 640, rows = 6;
    for (const int bits : {8, 4, 3, 2, -8, -3}) { // below 0 of many
        GemvCase together = wholeCase({8, false}, {std::abs(bits), 128}, {rows}, in, 8);
        together.by = bits < 0 ? MultipliedBy::Gemm : MultipliedBy::Gemv;
        const std::vector<float> all = together.run(machine::executions().front().stream);
        for (const std::int64_t v : {0, 3, 7}) {
            GemvCase alone = together;
            const std::vector<float> x = together.inputs();
            alone.vectors = 1;
            alone.x.assign(x.begin() + v * in, x.begin() + (v + 1) * in);
            const std::vector<float> mine(all.begin() + v * rows, all.begin() + (v + 1) * rows);
            CHECK(sameBits(alone.run(machine::executions().front().stream), mine));
        }
    }
}

TEST_CASE("What is not finite stays in its vector's product of whole numbers", "[core.kernels.cuda][acts]") {
    for (const float odd :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        GemvCase problem = wholeCase({8, false}, {4, 128}, {5}, 256, 3);
        problem.x = problem.inputs();
        problem.x[256 + 77] = odd;
        for (const MultipliedBy by : {MultipliedBy::Gemv, MultipliedBy::Gemm})
            for (const Execution& execution : machine::executions()) {
                problem.by = by;
                const std::vector<float> y = problem.run(execution.stream);
                for (std::size_t i = 0; i < y.size(); ++i)
                    REQUIRE(std::isfinite(y[i]) == (i / 5 != 1));
            }
    }
}

TEST_CASE("Rounding and products of whole numbers are refused with the reason", "[core.kernels.cuda][acts]") {
    using Catch::Contains;
    alignas(16) float memory[8] = {};
    alignas(16) unsigned char codes[16] = {};
    int zero = 0;
    const Stream stream = machine::executions().front().stream;
    RoundActs step;
    step.x = memory, step.rounded = memory, step.n = 8, step.vectors = 1;
    CHECK(refusal(step) == "");
    step.bits = 5;
    CHECK_THROWS_WITH(roundActs(step, stream), Contains("got 5"));
    step.bits = 8, step.n = 0;
    CHECK_THAT(refusal(step), Contains("1 of 0"));
    step.n = 8, step.whole.codes = codes;
    CHECK_THAT(refusal(step), Contains("lacks"));
    step.whole = {codes + 1, &zero, memory};
    CHECK_THAT(refusal(step), Contains("16 bytes"));

    const Gemv product{{{memory, 1, memory}}, 1, memory, 128, 1};
    const WholeVectors whole{codes, &zero, memory};
    const PackedRows rows{4, 128, Zeros::Packed, 2, 4, 68};
    CHECK(refusal(rows, whole, product) == "");
    CHECK_THAT(refusal(rows, {}, product), Contains("lacks their codes"));
    PackedRows narrow = rows;
    narrow.group = 64, narrow.zerosAt = 4, narrow.codesAt = 8, narrow.bytes = 72;
    CHECK_THAT(refusal(narrow, whole, product), Contains("groups of 64"));
    CHECK_THROWS_AS(gemv(narrow, whole, product, stream), std::invalid_argument);
}
