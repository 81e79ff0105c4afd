#include "core/bench/attention_bench.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/bench/read_bandwidth.h"
#include "core/bench/repeated_work.h"
#include "core/engine/memory_estimate.h"

namespace fovea {
namespace {

ElementType storeOf(const AttentionPlan& plan) {
    return storedFloats(plan.store, ElementType::F32);
}

std::int64_t workingSet(const AttentionBenchOptions& options) {
    const BenchShape& shape = options.shape;
    std::int64_t widest = 0;
    for (const AttentionPlan& plan : options.plans)
        widest = std::max<std::int64_t>(widest, elementBytes(storeOf(plan)));
    return (2 * shape.context * shape.kvHeads * shape.headDim * widest + 4095) / 4096 * 4096;
}

void check(const AttentionBenchOptions& options) {
    const BenchShape& shape = options.shape;
    if (shape.context < 1 || shape.heads < 1 || shape.kvHeads < 1 || shape.headDim < 1 ||
        options.repeats < 1 || options.threads < 0)
        throw std::invalid_argument("context, heads, KV heads, head width and repeats must be at least 1");
    if (shape.heads % shape.kvHeads != 0)
        throw std::invalid_argument("the KV heads must divide the heads");
    if (options.plans.empty())
        throw std::invalid_argument("there is no plan to measure");
    for (const AttentionPlan& plan : options.plans) {
        if (!std::holds_alternative<OwnKv>(plan.share))
            throw std::invalid_argument(toText(plan) +
                                        " is between layers, and here is one; leave share out");
        if (const auto why = refusal(benchPlan(plan), benchSpec(shape)))
            throw std::invalid_argument(*why);
    }
    requireMachineHolds(benchMemory(options), "lower the context or the heads");
}

} // namespace

std::int64_t benchMemory(const AttentionBenchOptions& options) {
    MemoryQuestion question;
    for (const AttentionPlan& plan : options.plans)
        question.plans.push_back(benchPlan(plan));
    question.prompt = options.shape.context;
    question.tokens = 1;
    return workingSet(options) + estimateMemory(benchSpec(options.shape), question).cache;
}

AttentionBench runAttentionBench(const AttentionBenchOptions& options) {
    check(options);
    const BenchThreads threads(options.threads);
    AttentionBench bench;
    bench.threads = at::get_num_threads();
    bench.workingSetBytes = workingSet(options);
    const AlignedMemory buffer = alignedMemory(bench.workingSetBytes);
    std::memset(buffer.get(), 1, static_cast<std::size_t>(bench.workingSetBytes));

    volatile std::uint32_t sink = 0;
    RepeatedWork reading([&] { sink = sink + sumOf(buffer.get(), bench.workingSetBytes); });
    std::vector<std::unique_ptr<BenchLayer>> layers;
    std::vector<RepeatedWork> watches;
    for (const AttentionPlan& plan : options.plans) {
        layers.push_back(std::make_unique<BenchLayer>(options.shape, plan));
        watches.emplace_back([layer = layers.back().get()] { layer->step(); });
    }
    for (int round = 0; round < options.repeats; ++round) {
        reading.sample();
        for (RepeatedWork& watch : watches)
            watch.sample();
        if (options.progress)
            options.progress(round + 1, options.repeats);
    }

    bench.readGbps = static_cast<double>(bench.workingSetBytes) / reading.quantile(0.5) / 1e9;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const double median = watches[i].quantile(0.5);
        const StepCost cost = layers[i]->cost();
        const std::int64_t counted = cost.counted.attention();
        bench.results.push_back(
            {options.plans[i], median, watches[i].spread(),
             watches[i].quantile(0), counted, cost.liveSlots, static_cast<double>(counted) / median / 1e9});
    }
    return bench;
}

} // namespace fovea
