// What the kernels of reads read, counted load by load, against what their headers state.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/sparq_case.h"
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
