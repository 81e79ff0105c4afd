#include "core/engine/batch.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

#include "core/engine/converted_models.h"
#include "core/engine/decoder.h"
#include "core/engine/generation.h"
#include "core/engine/sequence.h"
#include "core/engine/stopwatch.h"
#include "core/model/model.h"

namespace fovea {

struct Batch::Impl {
    Impl(std::shared_ptr<const Model> model, AttentionPlan plan, int texts, std::int64_t capacity, Backend backend)
        : decoder(std::move(model), std::move(plan), backend, nullptr),
          logits(static_cast<std::size_t>(texts) * vocabulary(), 0.f) {
        for (int i = 0; i < texts; ++i)
            sequences.push_back(decoder.begin({.capacity = capacity}));
    }

    std::size_t vocabulary() const { return static_cast<std::size_t>(decoder.vocabulary()); }
    Sequence& sequence(int text) const { return *sequences.at(static_cast<std::size_t>(text)); }
    void feed(std::span<const Fed> fed) {
        feeds.clear();
        for (const Fed& next : fed)
            feeds.push_back({&sequence(next.text), next.token});
        fresh.resize(fed.size() * vocabulary());
    }
    std::span<float> logitsOf(int text) {
        return std::span(logits).subspan(static_cast<std::size_t>(text) * vocabulary(), vocabulary());
    }

    Decoder decoder;
    std::vector<std::unique_ptr<Sequence>> sequences;
    std::vector<float> logits; // (texts, V)
    std::vector<float> fresh;  // (n, V) of those that are fed
    std::vector<Feed> feeds;   // (n)
};

Batch::Batch(std::shared_ptr<const Model> model, AttentionPlan plan, int texts, std::int64_t capacity, Backend backend)
    : m(std::make_unique<Impl>(std::move(model), std::move(plan), texts, capacity, backend)) {}

Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;

bool Batch::prefill(int text, std::span<const int> tokens, const std::atomic<bool>& cancel) {
    return m->decoder.prefill(m->sequence(text), tokens, cancel);
}

StepCost Batch::step(std::span<const Fed> fed, bool planned, const SamplerOptions& sampling,
                     std::span<NextToken> next) {
    m->feed(fed);
    return m->decoder.step(m->feeds, planned, m->fresh, {&sampling, next}, false);
}

StepCost Batch::step(std::span<const Fed> fed, bool planned) {
    m->feed(fed);
    const StepCost cost = m->decoder.step(m->feeds, planned, m->fresh);
    auto row = m->fresh.cbegin();
    for (const Fed& next : fed) {
        std::copy_n(row, m->vocabulary(), m->logitsOf(next.text).begin());
        row += m->decoder.vocabulary();
    }
    return cost;
}

std::span<const float> Batch::logits(int text) const {
    return m->logitsOf(text);
}
std::int64_t Batch::tokens(int text) const {
    return m->sequence(text).tokens();
}

const std::string& Batch::whyLeft() const {
    return m->decoder.whyLeft();
}

namespace {

BatchRun startOf(const Model& model, const AttentionPlan& plan, std::span<const std::vector<int>> prompts) {
    BatchRun run;
    run.spec = model.spec;
    run.plan = plan;
    run.threads = at::get_num_threads();
    for (const std::vector<int>& prompt : prompts) {
        requirePrompt(prompt, model.spec.context);
        run.texts.push_back({prompt, std::ssize(prompt), {}});
    }
    return run;
}

} // namespace

BatchRun generateBatch(std::shared_ptr<const Model> model, const AttentionPlan& plan,
                       std::span<const std::vector<int>> prompts, const GenerateOptions& options,
                       const std::function<bool(const BatchRun& soFar)>& observer,
                       const std::atomic<bool>& cancel) {
    BatchRun run = startOf(*model, plan, prompts);
    if (const auto why = refusal(plan, model->spec))
        throw PlanError(*why);
    if (!modelUnder(model, plan, options.converting, cancel))
        return run;                 // cancelled
    std::vector<std::int64_t> left; // steps of each text
    std::int64_t capacity = 1;
    for (const std::vector<int>& prompt : prompts) {
        left.push_back(stepsAfter(std::ssize(prompt), plan, model->spec, options));
        capacity = std::max(capacity, std::ssize(prompt) - 1 + std::max<std::int64_t>(left.back(), 1));
    }
    Batch batch(model, plan, static_cast<int>(prompts.size()), capacity, options.session.backend);

    const Stopwatch watch;
    for (int text = 0; text < std::ssize(prompts); ++text) {
        const std::span<const int> prompt = prompts[static_cast<std::size_t>(text)];
        if (!batch.prefill(text, prompt.first(prompt.size() - 1), cancel))
            return run;
    }
    run.prefillSeconds = watch.seconds();

    std::vector<Sampler> samplers(prompts.size(), Sampler(options.sampler));
    std::vector<Batch::Fed> fed;
    std::vector<NextToken> next;
    for (bool planned = false; !cancel; planned = true) { // the first step feeds the prompts' last tokens
        fed.clear();
        next.clear();
        for (std::size_t text = 0; text < left.size(); ++text)
            if (left[text] > 0) {
                fed.push_back({static_cast<int>(text), run.texts[text].tokens.back()});
                next.push_back({.draw = samplers[text].draw()});
            }
        if (fed.empty())
            break;
        run.steps.push_back({batch.step(fed, planned, options.sampler, next), static_cast<int>(fed.size())});
        for (std::size_t i = 0; i < fed.size(); ++i) {
            const auto text = static_cast<std::size_t>(fed[i].text);
            run.texts[text].tokens.push_back(next[i].token);
            run.texts[text].surprises.push_back(next[i].surprise);
            left[text] = endsText(next[i].token, options) && !options.ignoreEnd ? 0 : left[text] - 1;
        }
        run.whyLeft = batch.whyLeft();
        if (observer && !observer(run))
            break;
    }
    return run;
}

} // namespace fovea
