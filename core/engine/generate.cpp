#include <ATen/Parallel.h>

#include <algorithm>

#include "core/engine/converted_models.h"
#include "core/engine/generation.h"
#include "core/engine/known_tokens.h"
#include "core/engine/session.h"
#include "core/engine/stopwatch.h"
#include "core/model/model.h"

namespace fovea {

namespace {

// The part of a run that is known before it starts.
Run startOf(const Model& model, const AttentionPlan& plan, std::span<const int> prompt,
            const GenerateOptions& options) {
    Run run;
    run.spec = model.spec;
    run.plan = plan;
    run.tokens.assign(prompt.begin(), prompt.end());
    run.promptTokens = std::ssize(prompt);
    run.decodeFrom = options.decodeFrom < 0 ? run.promptTokens : options.decodeFrom;
    run.backend = backendName(options.session.backend);
    run.threads = at::get_num_threads();
    return run;
}

} // namespace

std::string_view backendName(Backend backend) {
    switch (backend) {
    case Backend::Cpu:
        return "cpu";
    case Backend::Reference:
        return "reference";
    case Backend::Cuda:
        return "cuda";
    }
    return "";
}

std::optional<Backend> backendOf(std::string_view name) {
    for (const Backend backend : kAllBackends)
        if (name == backendName(backend))
            return backend;
    return {};
}

void noteBackend(Run& run, const Session& session) {
    if (session.whyLeft().empty() || !run.whyLeft.empty())
        return;
    run.whyLeft = session.whyLeft();
    run.backend = backendName(session.backend());
    if (run.steps.size() > 1)
        run.backend = std::string(backendName(Backend::Cuda)) + ", " + run.backend + " from " +
                      std::to_string(run.steps.back().position);
}

Run generate(std::shared_ptr<const Model> model, const AttentionPlan& plan, std::span<const int> prompt,
             const GenerateOptions& options, const StepObserver& observer, const std::atomic<bool>& cancel) {
    requirePrompt(prompt, model->spec.context);
    requireKnown(options.forced, model->spec.vocabulary);
    const bool forced = !options.forced.empty();
    const std::int64_t steps = stepsAfter(std::ssize(prompt), plan, model->spec, options);

    SessionOptions sessionOptions = options.session;
    if (sessionOptions.capacity == 0)
        sessionOptions.capacity = std::ssize(prompt) - 1 + std::max<std::int64_t>(steps, 1);
    Run run = startOf(*model, plan, prompt, options);
    if (const auto why = refusal(plan, model->spec))
        throw PlanError(*why);
    const auto converted = modelUnder(model, plan, options.converting, cancel);
    if (!converted)
        return run; // cancelled
    Session session(std::move(model), plan, sessionOptions);
    run.capture = session.capture();

    const Stopwatch watch;
    const bool filled = session.prefill(prompt.first(prompt.size() - 1), cancel);
    run.prefillSeconds = watch.seconds();
    run.promptEvicted = session.promptEvicted();
    run.capturedTokens = run.capture ? session.tokens() : 0;
    run.slots.catchUp(session.slots());
    if (!filled)
        return run;

    Sampler sampler(options.sampler);
    std::vector<float> kept;
    for (std::int64_t i = 0; i < steps && !cancel; ++i) {
        NextToken next;
        if (forced)
            next.token = options.forced[static_cast<std::size_t>(i)];
        else
            next.draw = sampler.draw();
        const StepRecord record = session.step(run.tokens.back(), session.tokens() >= run.decodeFrom,
                                               forced ? nullptr : &options.sampler, next, options.keepLogits);
        if (options.keepLogits)
            kept.insert(kept.end(), session.logits().begin(), session.logits().end());

        run.tokens.push_back(record.token);
        run.steps.push_back(record);
        noteBackend(run, session);
        run.capturedTokens = run.capture ? session.tokens() : 0;
        run.slots.catchUp(session.slots());
        if (observer && !observer(run))
            break;
        if (endsText(record.token, options) && !forced && !options.ignoreEnd)
            break;
    }
    if (options.keepLogits)
        run.logits = std::make_shared<const std::vector<float>>(std::move(kept));
    return run;
}

} // namespace fovea
