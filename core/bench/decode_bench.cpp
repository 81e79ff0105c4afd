#include "core/bench/decode_bench.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/bench/device_work.h"
#include "core/bench/read_bandwidth.h"
#include "core/bench/repeated_work.h"
#include "core/cache/element_type.h"
#include "core/engine/session.h"
#include "core/model/model.h"

namespace fovea {

namespace {

constexpr std::int64_t kPage = 4096; // what the limit is read in
constexpr int kPromptRounds = 5;     // a prompt takes as long as dozens of steps

// Weights of the layers' matrices.
std::int64_t matrixWeights(const RandomShape& s) {
    const std::int64_t D = std::int64_t{s.queryHeads} * s.headDim, kv = std::int64_t{s.kvHeads} * s.headDim;
    return s.layers * (2 * D * D + 2 * D * kv + 3 * D * s.ffn);
}

std::int64_t modelBytes(const RandomShape& s) {
    const std::int64_t D = std::int64_t{s.queryHeads} * s.headDim;
    return (matrixWeights(s) + (s.tied ? 1 : 2) * D * s.vocabulary) * elementBytes(s.type);
}

void check(const DecodeBenchOptions& o) {
    const RandomShape& s = o.shape;
    for (const int n :
         {s.layers, s.queryHeads, s.kvHeads, s.headDim, s.ffn, s.vocabulary, o.promptTokens, o.repeats})
        if (n < 1)
            throw std::invalid_argument(
                "layers, heads, widths, vocabulary, prompt and repeats must be at least 1");
    if (s.queryHeads % s.kvHeads != 0)
        throw std::invalid_argument("the number of KV heads must divide that of query heads");
    if (o.promptTokens >= s.context)
        throw std::invalid_argument("the prompt must be shorter than the context of " +
                                    std::to_string(s.context) + " tokens");
    if (o.plans.empty())
        throw std::invalid_argument("there is no plan to measure");
    // A matrix of random numbers is there in fp32 before it is cast.
    const std::int64_t largest = 8 * std::int64_t{s.queryHeads} * s.headDim * std::max(s.vocabulary, s.ffn);
    requireMachineHolds(modelBytes(s) * (2 + std::ssize(o.plans)) + largest,
                        "lower the layers or the vocabulary");
}

// One plan's text, a token longer with each step, and the prompts that it reads beside.
class TimedPlan {
public:
    TimedPlan(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
              const DecodeBenchOptions& o)
        : m_model(model), m_plan(plan), m_prompt(static_cast<std::size_t>(o.promptTokens)),
          m_vocabulary(o.shape.vocabulary), m_backend(o.backend),
          m_session(std::in_place, model, plan, SessionOptions{.backend = o.backend}) {
        std::iota(m_prompt.begin(), m_prompt.end(), 0);
        for (int& token : m_prompt)
            token %= m_vocabulary;
    }

    void step() {
        if (m_session->tokens() + 1 >= m_model->spec.context) // short steps, many rounds
            m_session.emplace(m_model, m_plan, SessionOptions{.backend = m_backend});
        last = m_session->step(static_cast<int>(m_session->tokens() % m_vocabulary), true);
        if (!m_session->whyLeft().empty()) // what is timed is no GPU any more
            throw std::invalid_argument(m_session->whyLeft());
    }

    void readPrompt() const {
        const std::atomic<bool> goOn = false;
        Session(m_model, m_plan, {.backend = m_backend, .capacity = std::ssize(m_prompt)}).prefill(m_prompt, goOn);
    }

    StepRecord last;

private:
    std::shared_ptr<const Model> m_model;
    AttentionPlan m_plan;
    std::vector<int> m_prompt;
    int m_vocabulary;
    Backend m_backend;
    std::optional<Session> m_session;
};

// What steps are held against: reading, or on a GPU copying, as many bytes as a step reads of the weights.
class Limit {
public:
    Limit(std::int64_t bytes, Backend backend) : m_bytes(bytes / kPage * kPage + kPage) {
        if (backend == Backend::Cuda) {
            m_stream.emplace();
            m_copy.emplace(m_bytes);
            m_device.emplace([this] { m_copy->queue(m_stream->get()); }, m_stream->get());
            return;
        }
        m_memory = alignedMemory(m_bytes);
        std::memset(m_memory.get(), 1, static_cast<std::size_t>(m_bytes));
        m_host.emplace([this] { m_sum = sumOf(m_memory.get(), m_bytes); });
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

    void sample() { m_host ? m_host->sample() : m_device->sample(); }
    double gbps() const {
        return static_cast<double>(m_host ? m_bytes : m_copy->bytes()) /
               (m_host ? m_host->quantile(.5) : m_device->time().median) / 1e9;
    }

private:
    std::int64_t m_bytes;
    AlignedMemory m_memory;
    volatile std::uint32_t m_sum = 0;
    std::optional<cuda::OwnStream> m_stream;
    std::optional<DeviceCopy> m_copy;
    std::optional<RepeatedWork> m_host;
    std::optional<DeviceWork> m_device;
};

DecodeBenchResult resultOf(const TimedPlan& plan, const RepeatedWork& steps, const RepeatedWork& prompts) {
    DecodeBenchResult r;
    r.medianSeconds = steps.quantile(.5);
    r.spread = steps.spread();
    r.fastestSeconds = steps.quantile(0);
    r.attentionSeconds = plan.last.attentionSeconds;
    r.weightBytes = plan.last.counted[Component::Weights];
    r.attentionBytes = plan.last.counted.attention();
    r.gbps = static_cast<double>(r.weightBytes) / r.medianSeconds / 1e9;
    r.promptSeconds = prompts.quantile(.5);
    return r;
}

} // namespace

DecodeBench runDecodeBench(const DecodeBenchOptions& o) {
    check(o);
    const BenchThreads threads(o.threads);
    const std::shared_ptr<const Model> model = randomModel(o.shape);
    std::vector<std::unique_ptr<TimedPlan>> plans;
    for (const AttentionPlan& plan : o.plans)
        plans.push_back(std::make_unique<TimedPlan>(model, plan, o));

    plans.front()->step(); // says how many bytes
    Limit limit(plans.front()->last.counted[Component::Weights], o.backend);
    std::vector<RepeatedWork> steps, prompts;
    for (const auto& plan : plans) {
        steps.emplace_back([&plan] { plan->step(); });
        prompts.emplace_back([&plan] { plan->readPrompt(); });
    }
    const int total = o.repeats + kPromptRounds;
    for (int round = 0; round < total; ++round) {
        if (round < o.repeats)
            limit.sample();
        for (std::size_t i = 0; i < plans.size(); ++i)
            (round < o.repeats ? steps : prompts)[i].sample();
        if (o.progress)
            o.progress(round + 1, total);
    }
    DecodeBench bench{.limitGbps = limit.gbps(),
                      .device = o.backend == Backend::Cuda ? cuda::deviceFacts().name : "",
                      .threads = at::get_num_threads(),
                      .parameters = model->spec.parameters,
                      .promptFlops = 2 * o.promptTokens * matrixWeights(o.shape),
                      .results = {}};
    for (std::size_t i = 0; i < plans.size(); ++i) {
        DecodeBenchResult result = resultOf(*plans[i], steps[i], prompts[i]);
        result.plan = o.plans[i];
        result.promptGflops = static_cast<double>(bench.promptFlops) / result.promptSeconds / 1e9;
        bench.results.push_back(std::move(result));
    }
    return bench;
}

} // namespace fovea
