#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/engine/converted_models.h"
#include "core/engine/known_tokens.h"
#include "core/engine/session.h"
#include "core/engine/stopwatch.h"
#include "core/model/model.h"
#include "core/plan/text_limit.h"

namespace fovea {

namespace {

void requirePrompt(std::span<const int> prompt, std::int64_t context) {
    if (prompt.empty())
        throw EngineError("The prompt has no token: it needs one to start from, BOS at least.");
    if (std::ssize(prompt) > context)
        throw EngineError("The prompt has " + std::to_string(prompt.size()) +
                          " tokens and the model's context " + std::to_string(context) +
                          ": shorten the prompt.");
}

// -ln softmax(logits)[token]
float surpriseOf(std::span<const float> logits, int token) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float l : logits)
        sum += std::exp(l - largest);
    return static_cast<float>(largest + std::log(sum) - logits[static_cast<std::size_t>(token)]);
}

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
    return backend == Backend::Cpu ? "cpu" : "reference";
}

Run generate(std::shared_ptr<const Model> model, const AttentionPlan& plan, std::span<const int> prompt,
             const GenerateOptions& options, const StepObserver& observer, const std::atomic<bool>& cancel) {
    const std::int64_t context = model->spec.context;
    requirePrompt(prompt, context);
    requireKnown(options.forced, model->spec.vocabulary);
    const bool forced = !options.forced.empty();
    const std::int64_t wanted =
        forced ? std::ssize(options.forced) : std::max<std::int64_t>(options.tokens, 0);
    // The first step feeds the prompt's last token, so N steps need P - 1 + N places.
    const bool actsInTime = options.decodeFrom <= context;
    const std::int64_t limit = actsInTime ? textLimit(plan, model->spec) : context;
    const std::int64_t steps = std::min(wanted, limit - std::ssize(prompt) + 1);

    SessionOptions sessionOptions = options.session;
    if (sessionOptions.capacity == 0)
        sessionOptions.capacity = std::ssize(prompt) - 1 + std::max<std::int64_t>(steps, 1);
    Run run = startOf(*model, plan, prompt, options);
    if (const auto why = refusal(plan, model->spec))
        throw PlanError(*why);
    const auto converted = convertedModel(model, plan.share, options.converting, cancel);
    if (!converted)
        return run; // cancelled
    Session session(std::move(model), plan, sessionOptions);
    run.capture = session.capture();

    const Stopwatch watch;
    const bool filled = session.prefill(prompt.first(prompt.size() - 1), cancel);
    run.prefillSeconds = watch.seconds();
    run.capturedTokens = run.capture ? session.tokens() : 0;
    run.slots.catchUp(session.slots());
    if (!filled)
        return run;

    Sampler sampler(options.sampler);
    std::vector<float> kept;
    for (std::int64_t i = 0; i < steps && !cancel; ++i) {
        StepRecord record = session.step(run.tokens.back(), session.tokens() >= run.decodeFrom);
        record.token = forced ? options.forced[static_cast<std::size_t>(i)] : sampler.next(session.logits());
        record.surprise = surpriseOf(session.logits(), record.token);
        if (options.keepLogits)
            kept.insert(kept.end(), session.logits().begin(), session.logits().end());

        run.tokens.push_back(record.token);
        run.steps.push_back(record);
        run.capturedTokens = run.capture ? session.tokens() : 0;
        run.slots.catchUp(session.slots());
        if (observer && !observer(run))
            break;
        const bool end =
            record.token == options.bos || record.token == options.eos ||
            std::find(options.ends.begin(), options.ends.end(), record.token) != options.ends.end();
        if (end && !forced && !options.ignoreEnd)
            break;
    }
    if (options.keepLogits)
        run.logits = std::make_shared<const std::vector<float>>(std::move(kept));
    return run;
}

} // namespace fovea
