// The bench measures what it says: the counted bytes are the step's, the bandwidth is of one buffer read.

#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

#include <stdexcept>

#include "core/bench/attention_bench.h"
#include "core/bench/read_bandwidth.h"

using namespace fovea;

namespace {

AttentionBenchOptions small() {
    AttentionBenchOptions options;
    options.shape.context = 1000;
    options.shape.heads = 4;
    options.shape.kvHeads = 2;
    options.shape.headDim = 32;
    options.repeats = 3;
    options.plans = {AttentionPlan{},
                     AttentionPlan{.keep = {}, .store = ElementType::BF16, .read = SparqParams{8, 16}}};
    return options;
}

}  // namespace

TEST_CASE("The attention bench reports each plan's own bytes, time and rate", "[core.bench]") {
    AttentionBenchOptions options = small();
    int last = 0;
    options.progress = [&](int done, int total) {
        CHECK(done == last + 1);
        CHECK(total == 3);
        last = done;
    };
    const int before = at::get_num_threads();
    options.threads = 1;
    const AttentionBench bench = runAttentionBench(options);
    CHECK(at::get_num_threads() == before);
    CHECK(last == 3);
    CHECK(bench.threads == 1);
    CHECK(bench.readGbps > 0);
    CHECK(bench.workingSetBytes == 2 * 1000 * 2 * 32 * 4);
    REQUIRE(bench.results.size() == 2);
    CHECK(bench.results[0].plan == options.plans[0]);
    CHECK(bench.results[0].countedBytes == 2 * 2 * 1000 * 32 * 4);
    CHECK(bench.results[1].countedBytes ==
          2 * (1000 * 8 * 2 + 2 * 4 * 1000 * 2 + 2 * 4 * 16 + 2 * 16 * 32 * 2 + 4 * 32));
    for (const AttentionBenchResult& result : bench.results) {
        CHECK(result.fastestSeconds > 0);
        CHECK(result.medianSeconds >= result.fastestSeconds);
        CHECK(result.spread >= 0);
        CHECK(result.gbps == Approx(static_cast<double>(result.countedBytes) / result.medianSeconds / 1e9));
    }
}

TEST_CASE("Top-k V and Quest are measured on caches of their own, and count what their steps move", "[core.bench]") {
    AttentionBenchOptions options = small();
    options.plans = {parsePlan("read=topv:k=16"), parsePlan("read=quest:page=8,pages=4"),
                     parsePlan("read=quest:page=16,pages=4")};
    // 1000 tokens are 125 whole pages of 8, and 62 of 16 and half of one more, which is read as the newest.
    const std::int64_t head = 32 * 4, topv = 1000 * head + 16 * head + 4 * (2 * 1000 * 2 + 16 * 2) + 8 * 16;
    const auto quest = [&](std::int64_t pages, std::int64_t rows) {
        return pages * 2 * head + 4 * (2 * pages - 1) + 8 * (4 + rows) + 2 * rows * head;
    };
    const std::int64_t buffer = 2 * 1000 * 2 * head, rows = 2 * 1024 * 2 * head;
    CHECK(benchMemory(options) == buffer + 3 * rows + 2 * 2 * head * (128 + 64));
    const AttentionBench bench = runAttentionBench(options);
    CHECK(bench.results[0].countedBytes == 2 * topv);
    CHECK(bench.results[1].countedBytes == 2 * quest(125, 32));
    CHECK(bench.results[2].countedBytes == 2 * quest(63, 56));
}

TEST_CASE("A keep is measured as a session runs it: a row comes, all are read, one leaves", "[core.bench]") {
    const BenchShape shape{.context = 700, .heads = 4, .kvHeads = 2, .headDim = 32};
    struct Case {
        const char* plan;
        std::int64_t rows; // of each KV head, after a step
    };
    for (const Case& c : {Case{"keep=streaming:sinks=4,window=60", 64},
                          Case{"keep=streaming:sinks=4,window=60 read=sparq:r=8,k=16", 64},
                          Case{"keep=lm-infinite:sinks=4,window=60 store=bf16", 63},
                          Case{"keep=moa:alpha=128,beta=0,sinks=4,block=64,min=1", 127},
                          Case{"keep=h2o:heavy=40,recent=24", 64},
                          Case{"keep=h2o:heavy=10%,recent=24", 94},
                          Case{"keep=h2o:heavy=40,recent=24 read=sparq:r=8,k=16", 64},
                          Case{"keep=scissorhands:budget=64,history=32,recent=8,drop=1", 64}}) {
        BenchLayer layer(shape, parsePlan(c.plan));
        for (int step = 0; step < 3; ++step) {
            const StepCost cost = layer.cost();
            INFO(c.plan << ": " << cost.liveSlots);
            CHECK(cost.liveSlots == 2 * c.rows);
            CHECK(cost.formula == cost.counted);
            CHECK(cost.evicted == 2);
            layer.step();
        }
    }
}

TEST_CASE("The attention bench says what memory it will take", "[core.bench]") {
    // The buffer, and in whole blocks of 256 slots an f32 cache of K and V and a bf16 cache with the column copy and the
    // sums of values.
    const std::int64_t buffer = 2 * 1000 * 2 * 32 * 4, f32 = 2 * 1024 * 2 * 32 * 4,
                       bf16 = 3 * 1024 * 2 * 32 * 2 + 2 * 32 * 4;
    CHECK(benchMemory(small()) == buffer + f32 + bf16);
}

TEST_CASE("The attention bench refuses shapes that make no sense", "[core.bench]") {
    AttentionBenchOptions options = small();
    SECTION("heads") { options.shape.kvHeads = 3; }
    SECTION("context") { options.shape.context = 0; }
    SECTION("plans") { options.plans.clear(); }
    SECTION("memory") { options.shape.context = std::int64_t{1} << 40; }
    SECTION("sharing") { options.plans = {parsePlan("share=cla:2")}; }
    SECTION("components") {
        options.plans = {AttentionPlan{.keep = {}, .store = {}, .read = SparqParams{33, 16}}};
    }
    SECTION("values") { options.plans = {AttentionPlan{.keep = {}, .store = {}, .read = TopvParams{0}}}; }
    SECTION("pages") { options.plans = {AttentionPlan{.keep = {}, .store = {}, .read = QuestParams{0, 4}}}; }
    CHECK_THROWS_AS(runAttentionBench(options), std::invalid_argument);
}

TEST_CASE("The bandwidth kernel reads every word", "[core.bench]") {
    const std::int64_t bytes = 3 * (1 << 20) + 4096;
    const AlignedMemory memory = alignedMemory(bytes);
    auto* const words = reinterpret_cast<std::uint32_t*>(memory.get());
    std::uint32_t expected = 0;
    for (std::int64_t i = 0; i < bytes / 4; ++i)
        expected += words[i] = static_cast<std::uint32_t>(i * 2654435761u);
    CHECK(sumOf(memory.get(), bytes) == expected);
}
