#include "core/bench/attention_bench.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

#include "core/bench/filled_cache.h"
#include "core/bench/read_bandwidth.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
#include "core/kernels/cpu/attention.h"
#include "core/methods/keep/scored_keep.h"

namespace fovea {
namespace {

constexpr double kShortestSample = 2e-3;  // seconds

ElementType storeOf(const AttentionPlan& plan) { return plan.store.value_or(ElementType::F32); }

bool readsColumns(const AttentionPlan& plan) { return std::holds_alternative<SparqParams>(plan.read); }

// Plans of one type of rows and one size of pages (0: none) read the same cache.
using CacheKey = std::pair<ElementType, int>;

CacheKey cacheOf(const AttentionPlan& plan) {
    const auto* quest = std::get_if<QuestParams>(&plan.read);
    return {storeOf(plan), quest ? quest->page : 0};
}

// The caches that the plans need; with the column copy where a plan reads it.
std::map<CacheKey, FilledCacheShape> caches(const AttentionBenchOptions& options) {
    std::map<CacheKey, FilledCacheShape> needed;
    for (const AttentionPlan& plan : options.plans) {
        const CacheKey key = cacheOf(plan);
        const bool columns = readsColumns(plan) || (needed.contains(key) && needed[key].keyColumns);
        needed[key] = {options.context, options.kvHeads, options.headDim, key.first, columns, key.second};
    }
    return needed;
}

std::int64_t workingSet(const AttentionBenchOptions& options) {
    std::int64_t largest = 0;
    for (const auto& [key, shape] : caches(options))
        largest = std::max(largest, shape.rowBytes());
    return (largest + 4095) / 4096 * 4096;
}

void check(const AttentionBenchOptions& options) {
    if (options.context < 1 || options.heads < 1 || options.kvHeads < 1 || options.headDim < 1 ||
        options.repeats < 1 || options.threads < 0)
        throw std::invalid_argument("context, heads, KV heads, head width and repeats must be at least 1");
    if (options.heads % options.kvHeads != 0)
        throw std::invalid_argument("the KV heads must divide the heads");
    if (options.plans.empty())
        throw std::invalid_argument("there is no plan to measure");
    for (const AttentionPlan& plan : options.plans)
        if (const auto* sparq = std::get_if<SparqParams>(&plan.read);
            sparq && (sparq->components < 1 || sparq->components > options.headDim || sparq->tokens < 1))
            throw std::invalid_argument("sparq's r must be 1 to the head width, and k at least 1");
    for (const AttentionPlan& plan : options.plans) {
        const auto* topv = std::get_if<TopvParams>(&plan.read);
        const auto* quest = std::get_if<QuestParams>(&plan.read);
        if ((topv && topv->tokens < 1) || (quest && (quest->page < 1 || quest->pages < 1)))
            throw std::invalid_argument("topv's k, and quest's page and pages, must be at least 1");
    }
    for (const AttentionPlan& plan : options.plans)
        if (!std::holds_alternative<KeepAll>(plan.keep))
            throw std::invalid_argument(
                "a step of " + toText(plan) + " reads " +
                std::to_string(rowsSeen(plan, 0, true, options.context - 1, options.context - 1)) +
                " tokens here; leave keep out and give that as --context");
    const auto memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    if (const std::int64_t wanted = benchMemory(options); memory > 0 && wanted > memory)
        throw std::invalid_argument("this bench needs " + std::to_string(wanted >> 20) + " MiB of memory and the machine has " +
                                    std::to_string(memory >> 20) + ", lower the context or the heads");
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
        m_work();  // warms scratch, caches and the threads
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

// One plan's step, ready to run.
struct Step {
    const AttentionPlan& plan;
    std::vector<KvView> views;
    int group;
    const std::vector<float>& q;
    std::vector<float> out;
    cpu::AttentionScratch scratch;
    Ledger ledger;

    void run() {
        if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
            cpu::attendSparq(views, group, *sparq, q.data(), out.data(), scratch, ledger);
        else if (const auto* topv = std::get_if<TopvParams>(&plan.read))
            cpu::attendTopv(views, group, *topv, q.data(), out.data(), scratch, ledger);
        else if (const auto* quest = std::get_if<QuestParams>(&plan.read))
            cpu::attendQuest(views, group, *quest, q.data(), out.data(), scratch, ledger);
        else
            cpu::attendAll(views, group, q.data(), out.data(), scratch, ledger);
    }
    // The bytes of one step.
    std::int64_t counted() {
        ledger.take();
        run();
        return ledger.take().attention();
    }
};

std::vector<float> queries(const AttentionBenchOptions& options) {
    std::vector<float> q(static_cast<std::size_t>(options.heads) * static_cast<std::size_t>(options.headDim));
    for (std::size_t i = 0; i < q.size(); ++i)
        q[i] = static_cast<float>(std::sin(0.7 * static_cast<double>(i * i + 1)));
    return q;
}

}  // namespace

std::int64_t benchMemory(const AttentionBenchOptions& options) {
    std::int64_t total = workingSet(options);
    for (const auto& [key, shape] : caches(options))
        total += shape.reservedBytes();
    return total;
}

AttentionBench runAttentionBench(const AttentionBenchOptions& options) {
    check(options);
    const Threads threads(options.threads);
    AttentionBench bench;
    bench.threads = at::get_num_threads();
    bench.workingSetBytes = workingSet(options);

    std::map<CacheKey, KvCache> stores;
    for (const auto& [key, shape] : caches(options))
        stores.emplace(key, filledCache(shape));
    const AlignedMemory buffer = alignedMemory(bench.workingSetBytes);
    std::memset(buffer.get(), 1, static_cast<std::size_t>(bench.workingSetBytes));

    const std::vector<float> q = queries(options);
    volatile std::uint32_t sink = 0;
    Stopwatch reading([&] { sink = sink + sumOf(buffer.get(), bench.workingSetBytes); });
    std::vector<std::unique_ptr<Step>> steps;
    std::vector<Stopwatch> watches;
    for (const AttentionPlan& plan : options.plans) {
        steps.push_back(std::unique_ptr<Step>(new Step{plan, viewsOf(stores.at(cacheOf(plan))),
                                                       options.heads / options.kvHeads, q,
                                                       std::vector<float>(q.size()), {}, {}}));
        watches.emplace_back([step = steps.back().get()] { step->run(); });
    }
    for (int round = 0; round < options.repeats; ++round) {
        reading.sample();
        for (Stopwatch& watch : watches)
            watch.sample();
        if (options.progress)
            options.progress(round + 1, options.repeats);
    }

    bench.readGbps = static_cast<double>(bench.workingSetBytes) / reading.quantile(0.5) / 1e9;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const double median = watches[i].quantile(0.5);
        const std::int64_t counted = steps[i]->counted();
        bench.results.push_back({options.plans[i], median, watches[i].quantile(0.75) - watches[i].quantile(0.25),
                                 watches[i].quantile(0), counted, static_cast<double>(counted) / median / 1e9});
    }
    return bench;
}

}  // namespace fovea
