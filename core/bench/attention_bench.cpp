#include "core/bench/attention_bench.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

#include "core/bench/read_bandwidth.h"
#include "core/engine/memory_estimate.h"

namespace fovea {
namespace {

constexpr double kShortestSample = 2e-3; // seconds

ElementType storeOf(const AttentionPlan& plan) {
    return plan.store.value_or(ElementType::F32);
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
    const auto memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    if (const std::int64_t wanted = benchMemory(options); memory > 0 && wanted > memory)
        throw std::invalid_argument("this bench needs " + std::to_string(wanted >> 20) +
                                    " MiB of memory and the machine has " + std::to_string(memory >> 20) +
                                    ", lower the context or the heads");
}

// Restores libtorch's threads when the bench is over.
class Threads {
public:
    explicit Threads(int wanted) : m_before(at::get_num_threads()) {
        if (wanted > 0)
            at::set_num_threads(wanted);
    }
    ~Threads() { at::set_num_threads(m_before); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

private:
    int m_before;
};

// Something to time again and again; samples are seconds per call.
class Stopwatch {
public:
    explicit Stopwatch(std::function<void()> work) : m_work(std::move(work)) {
        m_work(); // warms scratch, caches and the threads
        const double once = time(1);
        m_calls = std::max(1, static_cast<int>(std::ceil(kShortestSample / std::max(once, 1e-7))));
    }
    void sample() { m_samples.push_back(time(m_calls)); }
    double quantile(double q) const {
        std::vector<double> sorted = m_samples;
        std::sort(sorted.begin(), sorted.end());
        const double at = q * static_cast<double>(sorted.size() - 1);
        const auto low = static_cast<std::size_t>(at);
        const std::size_t high = std::min(low + 1, sorted.size() - 1);
        return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
    }

private:
    double time(int calls) const {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i)
            m_work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
    }

    std::function<void()> m_work;
    int m_calls = 1;
    std::vector<double> m_samples;
};

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
    const Threads threads(options.threads);
    AttentionBench bench;
    bench.threads = at::get_num_threads();
    bench.workingSetBytes = workingSet(options);
    const AlignedMemory buffer = alignedMemory(bench.workingSetBytes);
    std::memset(buffer.get(), 1, static_cast<std::size_t>(bench.workingSetBytes));

    volatile std::uint32_t sink = 0;
    Stopwatch reading([&] { sink = sink + sumOf(buffer.get(), bench.workingSetBytes); });
    std::vector<std::unique_ptr<BenchLayer>> layers;
    std::vector<Stopwatch> watches;
    for (const AttentionPlan& plan : options.plans) {
        layers.push_back(std::make_unique<BenchLayer>(options.shape, plan));
        watches.emplace_back([layer = layers.back().get()] { layer->step(); });
    }
    for (int round = 0; round < options.repeats; ++round) {
        reading.sample();
        for (Stopwatch& watch : watches)
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
            {options.plans[i], median, watches[i].quantile(0.75) - watches[i].quantile(0.25),
             watches[i].quantile(0), counted, cost.liveSlots, static_cast<double>(counted) / median / 1e9});
    }
    return bench;
}

} // namespace fovea
