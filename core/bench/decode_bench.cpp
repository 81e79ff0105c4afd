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
          m_vocabulary(o.shape.vocabulary), m_session(std::in_place, model, plan, SessionOptions{}) {
        std::iota(m_prompt.begin(), m_prompt.end(), 0);
        for (int& token : m_prompt)
            token %= m_vocabulary;
    }

    void step() {
        if (m_session->tokens() + 1 >= m_model->spec.context) // short steps, many rounds
            m_session.emplace(m_model, m_plan, SessionOptions{});
        last = m_session->step(static_cast<int>(m_session->tokens() % m_vocabulary), true);
    }

    void readPrompt() const {
        const std::atomic<bool> goOn = false;
        Session(m_model, m_plan, {.capacity = std::ssize(m_prompt)}).prefill(m_prompt, goOn);
    }

    StepRecord last;

private:
    std::shared_ptr<const Model> m_model;
    AttentionPlan m_plan;
    std::vector<int> m_prompt;
    int m_vocabulary;
    std::optional<Session> m_session;
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
    const std::int64_t read = plans.front()->last.counted[Component::Weights] / kPage * kPage + kPage;
    const AlignedMemory buffer = alignedMemory(read);
    std::memset(buffer.get(), 1, static_cast<std::size_t>(read));
    volatile std::uint32_t sum = 0;
    RepeatedWork limit([&] { sum = sumOf(buffer.get(), read); });
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
    DecodeBench bench{.readGbps = static_cast<double>(read) / limit.quantile(.5) / 1e9,
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
