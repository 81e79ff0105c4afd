// Which tiles of K and V a prompt's attention reads, counted load by load, against slotTiles and against the definition.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/prefill_case.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

struct Counted {
    std::int64_t tiles = 0, rows = 0;
};

// Tiles of slots of which any query of a tile of queries sees any, and the rows in them, summed over all heads.
Counted seenTiles(const PromptCase& problem) {
    Counted seen;
    const int together = queryTileOf(problem.headDim);
    for (const PromptText& text : problem.texts)
        for (int head = 0; head < problem.heads(); ++head)
            for (int query = 0; query < text.queries; query += together)
                for (std::int64_t slot = 0; slot < text.firstPosition + text.queries; slot += kTileSlots) {
                    const std::int64_t end = std::min(slot + kTileSlots, text.firstPosition + text.queries);
                    bool any = false;
                    for (int t = query; t < std::min(query + together, text.queries); ++t)
                        for (std::int64_t j = slot; j < end; ++j)
                            any = any || problem.sees(head, text.firstPosition + t, j);
                    seen.tiles += any ? 1 : 0;
                    seen.rows += any ? end - slot : 0;
                }
    return seen;
}

std::int64_t statedTiles(const PromptCase& problem) {
    std::int64_t tiles = 0;
    for (const PromptText& text : problem.texts)
        for (int head = 0; head < problem.heads(); ++head)
            tiles += slotTiles(
                text.firstPosition, text.queries, text.firstPosition + text.queries, problem.headDim,
                problem.spans.empty() ? nullptr : &problem.spans[static_cast<std::size_t>(head)],
                problem.reach);
    return tiles;
}

} // namespace

TEST_CASE("A prompt's attention reads the tiles that are seen, and no other",
          "[core.kernels.cuda][prefill]") {
    const std::vector<HeadSpan> spans = {{4, 40}, {0, 10}, {100, 0}, {33, 64}};
    std::vector<PromptCase> problems;
    for (const int headDim : {16, 256})
        for (const std::int64_t reach : {kUnboundedReach, std::int64_t{180}, std::int64_t{31}}) {
            problems.push_back({ElementType::F32, 1, 4, headDim, {{300, 100}, {0, 40}}, 64, spans, reach});
            problems.push_back({ElementType::BF16, 2, 2, headDim, {{90, 70}}, 64, {}, reach});
            problems.push_back({ElementType::F16, 1, 4, headDim, {{100, 70}}, 64, spans, reach});
            problems.back().matrixUnits = false;
            problems.push_back({ElementType::F32, 1, 4, headDim, {{100, 70}}, 64, spans, reach});
            problems.back().codes = {3, 64, 1};
        }
    for (PromptCase& problem : problems) {
        INFO(problem.text());
        const Counted seen = seenTiles(problem);
        CHECK(statedTiles(problem) == seen.tiles);
        simt::Executor executor;
        problem.run(&executor);
        const std::int64_t rowBytes = problem.codes.bits != 0
                                          ? problem.headDim * problem.codes.bits / 8
                                          : std::int64_t{problem.headDim} * elementBytes(problem.type);
        CHECK(static_cast<std::int64_t>(executor.counts().bytesLoaded) == 2 * seen.rows * rowBytes);
    }
    // A window is worth its name: a quarter of what a dense prompt reads.
    const HeadSpan narrow{4, 100};
    CHECK(4 * slotTiles(0, 4096, 4096, 128, &narrow) < slotTiles(0, 4096, 4096, 128));
}
