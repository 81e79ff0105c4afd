// The bench of whole steps measures what it says.

#include <ATen/Parallel.h>

#include <stdexcept>

#include "core/bench/decode_bench.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

DecodeBenchOptions small() {
    return {.shape = {.layers = 2,
                      .queryHeads = 2,
                      .kvHeads = 1,
                      .headDim = 16,
                      .ffn = 96,
                      .vocabulary = 70,
                      .context = 24,
                      .type = ElementType::BF16,
                      .tied = false},
            .promptTokens = 20,
            .threads = 1,
            .repeats = 2};
}

} // namespace

TEST_CASE("The bench of whole steps reports each plan's own bytes, time and rate", "[core.bench]") {
    DecodeBenchOptions options = small();
    for (const char* plan : {"dense", "weights=rtn:bits=8"})
        options.plans.push_back(parsePlan(plan));
    int calls = 0;
    options.progress = [&](int done, int) { CHECK(done == ++calls); };
    const int before = at::get_num_threads();
    const DecodeBench bench = runDecodeBench(options);
    CHECK(at::get_num_threads() == before);
    CHECK(calls > options.repeats);
    CHECK(bench.threads == 1);
    CHECK(bench.limitGbps > 0);
    constexpr std::int64_t kMatrices = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 96);
    CHECK(bench.parameters == kMatrices + 2 * 70 * 32 + (2 * 2 + 1) * 32);
    CHECK(bench.promptFlops == 2 * 20 * kMatrices);
    REQUIRE(bench.results.size() == 2);
    // All but the embedding, of which a step reads a row; a rounded row of n has two bytes of a scale and one of a zero.
    CHECK(bench.results[0].weightBytes == 2 * (kMatrices + 70 * 32 + 32 + 5 * 32));
    CHECK(bench.results[1].weightBytes ==
          kMatrices + 3 * 2 * (32 + 2 * 16 + 32 + 2 * 96 + 32) + 2 * (70 * 32 + 32 + 5 * 32));
    for (const DecodeBenchResult& r : bench.results) {
        CHECK(r.fastestSeconds > 0);
        CHECK(r.medianSeconds >= r.fastestSeconds);
        CHECK(r.attentionSeconds > 0);
        CHECK(r.gbps == Approx(static_cast<double>(r.weightBytes) / r.medianSeconds / 1e9));
        CHECK(r.promptGflops == Approx(static_cast<double>(bench.promptFlops) / r.promptSeconds / 1e9));
    }
}

TEST_CASE("The bench of whole steps refuses what it cannot run", "[core.bench]") {
    CHECK_THROWS_AS(runDecodeBench(small()), std::invalid_argument); // no plan
    DecodeBenchOptions long_ = small();
    long_.plans = {{}};
    long_.promptTokens = 24;
    CHECK_THROWS_AS(runDecodeBench(long_), std::invalid_argument);
    DecodeBenchOptions odd = small();
    odd.plans = {{}};
    odd.shape.queryHeads = 3;
    odd.shape.kvHeads = 2;
    CHECK_THROWS_AS(runDecodeBench(odd), std::invalid_argument);
    DecodeBenchOptions huge = small();
    huge.plans = {{}};
    huge.shape.ffn = 1 << 30;
    huge.shape.queryHeads = 1024;
    CHECK_THROWS_AS(runDecodeBench(huge), std::invalid_argument);
}
