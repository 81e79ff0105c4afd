// Norms, RoPE, activations, sums and embedding rows, wherever machine.h says they run.

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "core/model/model_spec.h"
#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/model_kernel_cases.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using machine::Execution;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// fp32 sums of up to 10,000 squares, and a quotient; results of size 5.
constexpr double kNormTolerance = 4e-6;

void checkAgainstTruth(const NormCase& problem) {
    INFO(problem.text());
    const std::vector<double> truth = problem.truth();
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(worstDifference(first, truth) <= kNormTolerance);
    for (const Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

cuda::Activation sameOf(fovea::Activation activation) {
    return static_cast<cuda::Activation>(activation);
}

} // namespace

TEST_CASE("Norms agree with the definition for each type and width", "[core.kernels.cuda][model]") {
    for (const bool centred : {false, true})
        for (const ElementType type : kElementTypes)
            for (const int n : {1, 2, 31, 32, 33, 128, 512, 513, 2048})
                checkAgainstTruth({centred, type, n, 3});
    checkAgainstTruth({true, ElementType::BF16, 8192, 1});
    checkAgainstTruth({false, ElementType::F32, 100, 70});
}

TEST_CASE("A norm may be in place and its gain shifted", "[core.kernels.cuda][model]") {
    for (const bool centred : {false, true})
        for (const int n : {96, 1000})
            checkAgainstTruth({centred, ElementType::F16, n, 2, true, 1.0f});
}

TEST_CASE("A norm of zeros is zero, and a NaN stays in its row", "[core.kernels.cuda][model]") {
    for (const bool centred : {false, true})
        for (const int n : {64, 600}) {
            NormCase problem{centred, ElementType::F32, n, 3};
            problem.x.assign(static_cast<std::size_t>(3 * n), 0.0f);
            problem.x[static_cast<std::size_t>(n + 7)] = kNaN;
            for (const Execution& execution : machine::executions()) {
                const std::vector<float> y = problem.run(execution.stream);
                for (int i = 0; i < 3 * n; ++i)
                    REQUIRE((i / n == 1 ? std::isnan(y[static_cast<std::size_t>(i)])
                                        : y[static_cast<std::size_t>(i)] == 0.0f));
            }
        }
}

TEST_CASE("RoPE turns each row by its own angles and leaves what is beyond them",
          "[core.kernels.cuda][model]") {
    for (const RopeCase& problem : {RopeCase{1, 2, 1, 1}, RopeCase{4, 32, 16, 3}, RopeCase{3, 80, 10, 5},
                                    RopeCase{32, 128, 64, 2}, RopeCase{2, 7, 3, 4}})
        for (const Execution& execution : machine::executions())
            CHECK(worstDifference(problem.run(execution.stream), problem.truth()) <= 1e-6);
}

TEST_CASE("Activations agree with their definitions", "[core.kernels.cuda][model]") {
    std::vector<float> x = madeUp(300, 5), none;
    for (float far = -120; far < 120; far += 0.5f)
        x.push_back(far);
    const std::vector<float> times = madeUp(x.size(), 6);
    for (const auto activation : {fovea::Activation::Silu, fovea::Activation::Gelu,
                                  fovea::Activation::GeluTanh, fovea::Activation::Relu})
        for (const Execution& execution : machine::executions()) {
            const std::vector<float> alone = runActivation(sameOf(activation), x, none, execution.stream);
            const std::vector<float> product = runActivation(sameOf(activation), x, times, execution.stream);
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double truth = activationTruth(sameOf(activation), double{x[i]});
                INFO(static_cast<int>(activation) << " of " << x[i]);
                // An argument of exp as large as 88 carries a few roundings of 2^-24 of itself, and is cut there.
                CHECK(std::abs(alone[i] - truth) <= 3e-5 * std::abs(truth) + 1e-36);
                CHECK(product[i] == Approx(truth * times[i]).epsilon(3e-5).margin(3e-36));
            }
        }
}

TEST_CASE("Activations of what is not finite", "[core.kernels.cuda][model]") {
    const float inf = std::numeric_limits<float>::infinity();
    for (const Execution& execution : machine::executions())
        for (int i = 0; i < 4; ++i) {
            const std::vector<float> y =
                runActivation(static_cast<cuda::Activation>(i), {kNaN, inf, 1.0f}, {}, execution.stream);
            CHECK(std::isnan(y[0]));
            CHECK(y[1] == inf);
            CHECK(std::isfinite(y[2]));
        }
}

TEST_CASE("Sums of a bias and of a residual", "[core.kernels.cuda][model]") {
    const int n = 77;
    const std::int64_t rows = 5;
    for (const ElementType type : kElementTypes)
        for (const bool perRow : {false, true}) {
            const std::vector<float> y = madeUp(static_cast<std::size_t>(rows * n), 7);
            const std::vector<float> addend =
                rounded(type, madeUp(static_cast<std::size_t>((perRow ? rows : 1) * n), 8));
            const machine::Buffer addends = machine::upload(stored(type, addend));
            for (const Execution& execution : machine::executions()) {
                const Guarded<float> sums(y);
                add({type, addends.data(), perRow, sums.data(), n, rows}, execution.stream);
                machine::finish();
                const std::vector<float> out = sums.read("y");
                for (std::size_t i = 0; i < out.size(); ++i)
                    REQUIRE(out[i] == y[i] + addend[i % addend.size()]);
            }
        }
}

TEST_CASE("A soft-cap bends logits and keeps NaN", "[core.kernels.cuda][model]") {
    const std::vector<float> x = {-1e30f, -80.0f, -1.0f, 0.0f, 0.5f, 30.0f, 1e30f, kNaN};
    for (const Execution& execution : machine::executions()) {
        const Guarded<float> bent(x);
        softcap({bent.data(), 8, 30.0f}, execution.stream);
        machine::finish();
        const std::vector<float> y = bent.read("x");
        for (std::size_t i = 0; i < 7; ++i)
            CHECK(y[i] == Approx(30 * std::tanh(double{x[i]} / 30)).epsilon(1e-6));
        CHECK(std::isnan(y[7]));
    }
}

TEST_CASE("Embedding rows are those of the tokens, scaled, with their positions",
          "[core.kernels.cuda][model]") {
    const int n = 40, vocabulary = 9, context = 6;
    const std::vector<int> tokens = {8, 0, 3, 3, -1, 9}, positions = {0, 5, 1, 6, 2, 2};
    const machine::Buffer tokenList = machine::upload(tokens), positionList = machine::upload(positions);
    for (const ElementType type : kElementTypes)
        for (const bool learnt : {false, true}) {
            const std::vector<float> table = rounded(type, madeUp(vocabulary * n, 9));
            const std::vector<float> places = rounded(ElementType::F16, madeUp(context * n, 10));
            const machine::Buffer tableMemory = machine::upload(stored(type, table));
            const machine::Buffer placeMemory = machine::upload(stored(ElementType::F16, places));
            for (const Execution& execution : machine::executions()) {
                const Guarded<float> out(tokens.size() * n);
                EmbedRows step;
                step.type = type;
                step.table = tableMemory.data();
                step.vocabulary = vocabulary;
                step.tokens = static_cast<const int*>(tokenList.data());
                step.scale = 3.0f;
                step.positionType = ElementType::F16;
                step.positionTable = learnt ? placeMemory.data() : nullptr;
                step.context = context;
                step.positions = static_cast<const int*>(positionList.data());
                step.x = out.data();
                step.n = n;
                step.rows = 6;
                embed(step, execution.stream);
                machine::finish();
                const std::vector<float> x = out.read("x");
                for (std::size_t row = 0; row < 6; ++row)
                    for (std::size_t c = 0; c < 40; ++c) {
                        const bool there = row < 4 && (!learnt || row != 3);
                        INFO("row " << row);
                        REQUIRE(std::isnan(x[row * 40 + c]) == !there);
                        if (there)
                            REQUIRE(x[row * 40 + c] ==
                                    table[static_cast<std::size_t>(tokens[row]) * 40 + c] * 3.0f +
                                        (learnt ? places[static_cast<std::size_t>(positions[row]) * 40 + c]
                                                : 0.0f));
                    }
            }
        }
}

TEST_CASE("What the kernels between matrices do not take is refused with the reason",
          "[core.kernels.cuda][model]") {
    using Catch::Contains;
    float x[8] = {};
    int token = 0;
    const Stream stream = machine::executions().front().stream;
    CHECK_THROWS_WITH(norm({false, 1e-5f, 0, ElementType::F32, x, x, x, 0, 1}, stream),
                      Contains("1 rows of 0"));
    CHECK_THROWS_WITH(norm({false, 1e-5f, 0, ElementType::F32, nullptr, x, x, 4, 1}, stream),
                      Contains("lacks"));
    CHECK_THROWS_WITH(add({ElementType::F32, x, false, x, 1 << 30, 1 << 30}, stream), Contains("2^38"));
    CHECK_THROWS_WITH(rope({x, 1, 6, 4, x, x, 1}, stream), Contains("heads of 6 with 4"));
    CHECK_THROWS_WITH(softcap({x, 8, 0.0f}, stream), Contains("above 0"));
    CHECK_THROWS_WITH(activate({cuda::Activation::Silu, nullptr, nullptr, 8}, stream), Contains("lacks"));
    EmbedRows rows;
    rows.table = x, rows.tokens = &token, rows.x = x, rows.n = 8, rows.rows = 1;
    CHECK_THROWS_WITH(embed(rows, stream), Contains("got 0 tokens"));
}
