#include "app/window/run_job.h"

#include <algorithm>
#include <chrono>

#include "app/window/loaded_model.h"
#include "app/window/memory_verdict.h"
#include "app/window/thread_share.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

// A snapshot copies the run's records; more often than the screen shows them would be waste.
constexpr std::chrono::milliseconds kSnapshotEvery{30};

std::unique_ptr<LiveRun> begin(const RunRequest& request, Side side) {
    const AttentionPlan& plan = side == Side::A ? request.planA : request.planB;
    LiveRunOptions options;
    options.decodeFrom = request.decodeFrom;
    options.capacity = std::min<std::int64_t>(request.model->spec.context,
                                              static_cast<std::int64_t>(request.promptTokens.size()) +
                                                  request.settings.tokens + kSpareTokens);
    options.captureBudget = captureBudgetOf(questionOf(request), side == Side::A ? 0 : 1);
    options.ignoreEnd = request.settings.ignoreEnd;
    options.bos = request.model->tokenizer->bos();
    options.eos = request.model->tokenizer->eos();
    options.ends = request.model->tokenizer->ends();
    options.sampler = request.settings.sampler;
    options.backend = request.settings.device;
    options.threads = engineThreads();
    const std::string text = wholeText(*request.model, {.text = request.prompt, .chat = request.chat});
    return std::make_unique<LiveRun>(request.model->model, plan, request.promptTokens, text, options);
}

// Passes snapshots on at most every kSnapshotEvery, with the share done.
class Reporter {
public:
    Reporter(const PairObserver& observer, std::size_t expected)
        : m_observer(observer), m_expected(expected) {}

    // `make` builds the pair to show, only when it is time.
    template <class Make>
    void step(std::size_t done, Make make) {
        const auto now = std::chrono::steady_clock::now();
        if (now - m_last < kSnapshotEvery)
            return;
        m_last = now;
        m_observer(make(), m_expected ? static_cast<double>(done) / static_cast<double>(m_expected) : 0);
    }

private:
    const PairObserver& m_observer;
    const std::size_t m_expected;
    std::chrono::steady_clock::time_point m_last{};
};

// Steps a run of `tokens` tokens has beyond the dense prefill.
std::size_t stepsOf(const RunRequest& request, std::size_t tokens) {
    const auto prompt = request.promptTokens.size();
    const auto first = std::min(static_cast<std::size_t>(request.decodeFrom), prompt - 1);
    return tokens - 1 - first;
}

RunPair finish(LivePair& pair) {
    RunPair result;
    result.a = pair.a->snapshot(true);
    result.b = pair.b->snapshot(true);
    if (result.a->steps.size() == result.b->steps.size() && !result.a->steps.empty())
        result.comparison = std::make_shared<const Comparison>(compareRuns(*result.a, *result.b));
    return result;
}

void followA(LivePair& pair, Reporter& reporter, std::size_t before, const std::atomic<bool>& cancel) {
    if (!pair.b)
        pair.b = begin(pair.request, Side::B);
    const std::shared_ptr<const Run> a = pair.a->snapshot(true);
    pair.b->follow(
        a->tokens,
        [&](const Run& run) {
            reporter.step(before + run.steps.size(), [&] {
                return RunPair{a, pair.b->snapshot(false), nullptr};
            });
        },
        cancel);
}

} // namespace

RunPair advancePair(LivePair& pair, std::int64_t tokens, const PairObserver& observer,
                    const std::atomic<bool>& cancel) {
    if (!pair.a)
        pair.a = begin(pair.request, Side::A);
    pair.a->follow(
        pair.tokens, [](const Run&) {}, cancel); // where a re-run was cut short, catch up
    const auto goal = pair.a->run().tokens.size() + static_cast<std::size_t>(tokens);
    Reporter reporter(observer, 2 * stepsOf(pair.request, goal));
    const std::shared_ptr<const Run> b = pair.b ? pair.b->snapshot(false) : nullptr;
    pair.a->advance(
        tokens,
        [&](const Run& run) {
            reporter.step(run.steps.size(), [&] { return RunPair{pair.a->snapshot(false), b, nullptr}; });
        },
        cancel);
    if (pair.a->run().tokens.size() > pair.tokens.size())
        pair.tokens = pair.a->run().tokens;
    followA(pair, reporter, pair.a->run().steps.size(), cancel);
    return finish(pair);
}

RunPair refollow(LivePair& pair, const RunRequest& request, bool both, const PairObserver& observer,
                 const std::atomic<bool>& cancel) {
    pair.request = request;
    const std::size_t steps = stepsOf(pair.request, pair.tokens.size());
    Reporter reporter(observer, both ? 2 * steps : steps);
    pair.b = nullptr;
    if (both) {
        pair.a = begin(pair.request, Side::A);
        pair.a->follow(
            pair.tokens,
            [&](const Run& run) {
                reporter.step(run.steps.size(), [&] {
                    return RunPair{pair.a->snapshot(false), nullptr, nullptr};
                });
            },
            cancel);
    }
    followA(pair, reporter, both ? steps : 0, cancel);
    return finish(pair);
}

RunFile runFileOf(const RunPair& runs, std::vector<std::string> pieces) {
    RunFile file{.runs = {runs.a}, .pieces = std::move(pieces)};
    if (runs.b)
        file.runs.push_back(runs.b);
    if (runs.b && runs.comparison)
        file.comparison = *runs.comparison;
    return file;
}

RunPair runPairOf(RunFile file) {
    RunPair runs{.a = file.runs.at(0), .fromFile = true};
    if (file.runs.size() > 1)
        runs.b = file.runs[1];
    if (file.comparison)
        runs.comparison = std::make_shared<const Comparison>(std::move(*file.comparison));
    if (!file.pieces.empty())
        runs.pieces = std::make_shared<const std::vector<std::string>>(std::move(file.pieces));
    return runs;
}

Agreement formulaAgainstCounted(const Run& run) {
    Agreement agreement;
    agreement.steps = static_cast<std::int64_t>(run.steps.size());
    agreement.agreeing = std::count_if(run.steps.begin(), run.steps.end(), [](const StepRecord& step) {
        return step.formula == step.counted && step.held.formula == step.held.counted;
    });
    return agreement;
}

} // namespace fovea
