// What the kernels of reads read, counted load by load, against what their headers state.

#include <catch2/catch.hpp>

#include "core/methods/quantise/code_run.h"
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

TEST_CASE("What no query head sees is not read by a choice", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
        ReadCase problem({type, 2, 3, 64, 1040});
        for (int head = 0; head < 6; ++head)
            problem.sights.push_back(
                {16, 1024 - 16 * (head % 3)}); // of a group 16 + 48 tokens, in whole words
        simt::Executor columns;
        runSparq(problem, {13, 16, 4}, &columns);
        CHECK(columns.counts().bytesLoaded == static_cast<std::uint64_t>(2 * 13 * 64 * elementBytes(type)));
        simt::Executor keys;
        runTopv(problem, 16, &keys);
        CHECK(keys.counts().bytesLoaded == static_cast<std::uint64_t>(2 * 64 * 64 * elementBytes(type)));
    }
}

TEST_CASE("Keys that are codes are read once for all query heads, turned ones once for each",
          "[core.kernels.cuda]") {
    for (const RowCodes& codes : {RowCodes{8, 32, 1}, RowCodes{4, 128, 1}, RowCodes{3, 32, 1}}) {
        ReadCase problem({ElementType::F32, 2, 3, 96, 300, 64, codes});
        const auto row = static_cast<std::uint64_t>(problem.geometry.rows().rowBytes());
        simt::Executor all;
        runTopv(problem, 16, &all);
        CHECK(all.counts().bytesLoaded == 2 * 300 * row);
        problem.sights.assign(6, {0, 2});
        problem.turned = {0, 1};
        problem.turnedQ.assign(2 * problem.q.size(), 0.5f);
        simt::Executor turned;
        runTopv(problem, 16, &turned);
        CHECK(turned.counts().bytesLoaded == (2 * 298 + 2 * 6) * row);
    }
}

namespace {

// Of a row of 64 codes without exact ones. A code of CQ asks for the bytes that it lies in, those of a neighbour among them.
std::uint64_t askedOf(const MixedShape& shape) {
    if (shape.kind != MixedKind::Cq)
        return static_cast<std::uint64_t>(codeBytes(shape.bits, 64));
    int bytes = 0;
    for (int bit = 0; bit < 64 / shape.channels * shape.bits; bit += shape.bits)
        bytes += (bit + shape.bits - 1) / 8 - bit / 8 + 1;
    return static_cast<std::uint64_t>(bytes);
}

} // namespace

TEST_CASE("Codes of mixed keys are asked for once for eight query heads, of turned ones once for each",
          "[core.kernels.cuda.mixed]") {
    for (MixedShape shape : mixedShapes()) {
        INFO(shape.text());
        shape.exactShare = 0;
        const std::uint64_t row = askedOf(shape);
        for (const int group : {1, 8, 9}) {
            ReadCase problem({ElementType::F32, 2, group, 64, 300});
            problem.mix(shape);
            simt::Executor all;
            runTopv(problem, 16, &all);
            CHECK(all.counts().bytesLoaded == 2 * static_cast<std::uint64_t>((group + 7) / 8) * 300 * row);
        }
        ReadCase problem({ElementType::F32, 2, 3, 64, 300});
        problem.mix(shape);
        problem.sights.assign(6, {0, 2});
        problem.turned = {0, 1};
        problem.turnedQ.assign(2 * problem.q.size(), 0.5f);
        simt::Executor turned;
        runTopv(problem, 16, &turned);
        CHECK(turned.counts().bytesLoaded == (2 * 298 + 2 * 6) * row);
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
