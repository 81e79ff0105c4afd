// Products by GGUF's blocks as a file holds them, of few vectors and of many, and rows of a table of them, wherever machine.h
// says they run. Every type of block goes through every case.

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/model_kernels.h"
#include "core/model/gguf_blocks.h"
#include "tests/core/kernels/cuda/gemv_case.h"
#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;
using machine::Execution;

namespace {

// Of the sum of sizes. A minimum is met by sums of x, and not weight by weight as the truth has it: what the two parts lose
// is of their sizes, which are larger than those of the weights.
constexpr double kTolerance = 6e-6;

GemvCase problemOf(BlockType type, std::vector<std::int64_t> rows, std::int64_t in, std::int64_t vectors,
                   MultipliedBy by) {
    GemvCase problem{ElementType::F32, {}, std::move(rows), in, vectors, {}, by};
    problem.blocks = type;
    return problem;
}

void checkAgainstTruth(const GemvCase& problem) {
    INFO(problem.text());
    const std::vector<float> first = problem.run(machine::executions().front().stream);
    CHECK(problem.worstError(first) <= kTolerance);
    for (const Execution& execution : machine::executions())
        CHECK(sameBits(problem.run(execution.stream), first));
}

constexpr MultipliedBy kBoth[] = {MultipliedBy::Gemv, MultipliedBy::Gemm};

} // namespace

TEST_CASE("Products by blocks agree with the decoded ones for any width", "[core.kernels.cuda][blocks]") {
    for (const BlockType type : kBlockTypes) {
        const std::int64_t block = blockShape(type).elements;
        for (const MultipliedBy by : kBoth) {
            for (const std::int64_t blocks : {1, 2, 3, 5, 9, 17})
                if (blocks * block <= 1500)
                    checkAgainstTruth(problemOf(type, {5}, blocks * block, blocks % 2 + 1, by));
            for (const std::int64_t rows : {1, 2, 7, 65})
                checkAgainstTruth(problemOf(type, {rows}, block, 3, by));
            checkAgainstTruth(problemOf(type, {9, 1, 30}, 256, 3, by));
        }
    }
}

TEST_CASE("Blocks serve any number of vectors", "[core.kernels.cuda][blocks]") {
    for (const BlockType type : kBlockTypes) {
        for (const std::int64_t vectors : {1, 2, 3, 4, 5, 8, 9, 17})
            checkAgainstTruth(problemOf(type, {6}, 512, vectors, MultipliedBy::Gemv));
        for (const std::int64_t vectors : {1, 9, 64, 65, 130})
            checkAgainstTruth(problemOf(type, {6}, 256, vectors, MultipliedBy::Gemm));
    }
}

TEST_CASE("A vector's product by blocks does not depend on those beside it", "[core.kernels.cuda][blocks]") {
    const std::int64_t in = 512, rows = 5, vectors = 8;
    for (const BlockType type : kBlockTypes)
        for (const MultipliedBy by : kBoth) {
            const GemvCase together = problemOf(type, {rows}, in, vectors, by);
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

TEST_CASE("What is not finite stays in its vector's product by blocks", "[core.kernels.cuda][blocks]") {
    for (const BlockType type : kBlockTypes)
        for (const MultipliedBy by : kBoth)
            for (const float odd :
                 {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
                GemvCase problem = problemOf(type, {5}, 256, 3, by);
                problem.x = problem.inputs();
                problem.x[256 + 77] = odd;
                for (const Execution& execution : machine::executions()) {
                    const std::vector<float> y = problem.run(execution.stream);
                    for (std::size_t i = 0; i < y.size(); ++i)
                        REQUIRE(std::isfinite(y[i]) == (i / 5 != 1));
                }
            }
}

TEST_CASE("Rows of a table of blocks are those that the truth decodes, bit for bit",
          "[core.kernels.cuda][blocks]") {
    const int vocabulary = 7, context = 6;
    const std::vector<int> tokens = {6, 0, 3, 3, -1, 7, 2}, positions = {0, 5, 1, 6, 2, 2, -1};
    const machine::Buffer tokenList = machine::upload(tokens), positionList = machine::upload(positions);
    const auto tableOf = [](BlockType type, int rows, int n, unsigned seed, std::vector<float>& values) {
        values = madeUp(static_cast<std::size_t>(rows) * static_cast<std::size_t>(n), seed);
        if (type == BlockType::None)
            return stored(ElementType::F32, values);
        const auto count = static_cast<std::int64_t>(values.size());
        std::vector<unsigned char> bytes(static_cast<std::size_t>(blockRowBytes(type, count)));
        encodeBlocks(type, values.data(), bytes.data(), count);
        decodeBlocks(type, bytes.data(), values.data(), count);
        return bytes;
    };
    for (const BlockType type : kBlockTypes)
        for (const BlockType places : {BlockType::None, BlockType::Q5_0, type})
            for (const bool swapped : {false, true})
                for (const bool learnt : {false, true}) {
                    if (!learnt && swapped)
                        continue;
                    const BlockType tokensIn = swapped ? places : type, placesIn = swapped ? type : places;
                    const int n = 3 * blockShape(type).elements;
                    std::vector<float> table, learntPlaces;
                    const machine::Buffer tables =
                                              machine::upload(tableOf(tokensIn, vocabulary, n, 9, table)),
                                          placesOf = machine::upload(
                                              tableOf(placesIn, context, n, 10, learntPlaces));
                    for (const Execution& execution : machine::executions()) {
                        const Guarded<float> out(tokens.size() * static_cast<std::size_t>(n));
                        EmbedRows step;
                        step.blocks = tokensIn;
                        step.table = tables.data();
                        step.vocabulary = vocabulary;
                        step.tokens = static_cast<const int*>(tokenList.data());
                        step.scale = 3.0f;
                        step.positionBlocks = placesIn;
                        step.positionTable = learnt ? placesOf.data() : nullptr;
                        step.context = context;
                        step.positions = static_cast<const int*>(positionList.data());
                        step.x = out.data();
                        step.n = n;
                        step.rows = 7;
                        embed(step, execution.stream);
                        machine::finish();
                        const std::vector<float> x = out.read("x");
                        INFO(blockShape(tokensIn).name << ", positions "
                                                       << (learnt ? blockShape(placesIn).name : "none"));
                        for (std::size_t i = 0; i < x.size(); ++i) {
                            const std::size_t row = i / static_cast<std::size_t>(n),
                                              column = i % static_cast<std::size_t>(n);
                            const int token = tokens[row], position = positions[row];
                            const bool there = token >= 0 && token < vocabulary &&
                                               (!learnt || (position >= 0 && position < context));
                            REQUIRE(std::isnan(x[i]) == !there);
                            if (!there)
                                continue;
                            const auto at = [&](const std::vector<float>& values, int index) {
                                return values[static_cast<std::size_t>(index * n) + column];
                            };
                            float wanted = at(table, token) * 3.0f;
                            if (learnt)
                                wanted += at(learntPlaces, position);
                            REQUIRE(x[i] == wanted);
                        }
                    }
                }
}

TEST_CASE("Blocks that the kernels cannot take are refused with the reason", "[core.kernels.cuda][blocks]") {
    using Catch::Contains;
    alignas(16) float memory[8] = {};
    const Stream stream = machine::executions().front().stream;
    const Gemv step{{{memory, 1, memory}}, 1, memory, 100, 1};
    CHECK_THAT(refusal(BlockType::Q4_K, step), Contains("100 columns in blocks of 256"));
    CHECK_THAT(refusal(BlockType::Q8_0, step), Contains("blocks of 32"));
    CHECK(refusal(BlockType::None, step) != "");
    Gemv odd = step;
    odd.in = 32, odd.products[0].w = memory + 1;
    CHECK_THAT(refusal(BlockType::Q8_0, odd), Contains("16 bytes"));
    CHECK_THROWS_AS(gemv(BlockType::Q4_0, step, stream), std::invalid_argument);
    CHECK_THROWS_AS(gemm(BlockType::Q4_0, step, stream), std::invalid_argument);
    EmbedRows rows;
    int token = 0;
    rows.blocks = BlockType::Q4_0, rows.vocabulary = 1, rows.table = memory, rows.tokens = &token,
    rows.x = memory;
    rows.n = 33, rows.rows = 1;
    CHECK_THROWS_WITH(embed(rows, stream), Contains("33 columns in blocks of 32"));
}
