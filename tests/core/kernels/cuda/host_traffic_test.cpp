// What the kernel reads, counted load by load, against what its header states.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/attention_case.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

std::uint64_t bytesLoaded(const Geometry& geometry) {
    simt::Executor executor;
    AttentionCase(geometry).run(&executor);
    return executor.counts().bytesLoaded;
}

// K and V of every live slot, once.
std::uint64_t once(const Geometry& g) {
    return 2ull * static_cast<std::uint64_t>(g.kvHeads * g.slots * g.rowBytes());
}

} // namespace

TEST_CASE("Every row of K and V is read once for all query heads that share it", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int headDim : {8, 96, 128})
            for (const int group : {1, 2, 3, 8})
                for (const int splits : {1, 4}) {
                    const Geometry geometry{type, 2, group, headDim, 77, splits};
                    INFO(geometry.text());
                    CHECK(bytesLoaded(geometry) == once(geometry));
                }
}

TEST_CASE("Every code is read once for all query heads that share it", "[core.kernels.cuda]") {
    for (const int bits : {8, 4, 3, 2})
        for (const int headDim : {32, 96, 112, 128, 256})
            for (const int codeGroup : {32, 128})
                for (const int group : {1, 3}) {
                    const Geometry geometry{ElementType::F32,    2, group, headDim, 77, 3, 64,
                                            {bits, codeGroup, 1}};
                    INFO(geometry.text());
                    CHECK(bytesLoaded(geometry) == once(geometry));
                }
}

TEST_CASE("Of a list each row is read once, and no other", "[core.kernels.cuda]") {
    for (const RowCodes& codes : {RowCodes{}, RowCodes{4, 128, 1}, RowCodes{3, 32, 1}})
        for (const int splits : {1, 3}) {
            const Geometry geometry{ElementType::BF16, 2, 4, 128, 77, splits, 64, codes};
            AttentionCase problem(geometry);
            problem.lists = {{0, 5, 63, 64, 76}, {2}};
            simt::Executor executor;
            problem.run(&executor);
            const auto rows = 6 * static_cast<std::uint64_t>(geometry.rowBytes());
            CHECK(executor.counts().bytesLoaded == 2 * rows);
            problem.known = AttentionCase::Known::ShareOfAll;
            simt::Executor valuesAlone;
            problem.run(&valuesAlone);
            CHECK(valuesAlone.counts().bytesLoaded == rows);
        }
}

TEST_CASE("A row that no query head sees is not read", "[core.kernels.cuda]") {
    for (const RowCodes& codes : {RowCodes{}, RowCodes{4, 128, 1}})
        for (const int splits : {1, 3}) {
            const Geometry geometry{ElementType::F16, 2, 3, 64, 100, splits, 32, codes};
            AttentionCase problem(geometry);
            for (int head = 0; head < 6; ++head)
                problem.sights.push_back({2, 90 - 10 * (head % 3)}); // of a group 2 + 30 tokens
            simt::Executor executor;
            problem.run(&executor);
            CHECK(executor.counts().bytesLoaded ==
                  2ull * 2 * 32 * static_cast<std::uint64_t>(geometry.rowBytes()));
        }
}

TEST_CASE("Groups beyond eight query heads read the rows once per eight", "[core.kernels.cuda]") {
    for (const int group : {9, 16, 17}) {
        const Geometry geometry{ElementType::F16, 1, group, 64, 50, 2};
        INFO(geometry.text());
        CHECK(bytesLoaded(geometry) == once(geometry) * static_cast<std::uint64_t>((group + 7) / 8));
        AttendAll step;
        step.heads = group;
        step.kvHeads = 1;
        CHECK(readsOfEachRow(step) == (group + 7) / 8);
    }
}
