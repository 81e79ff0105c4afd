#include "core/engine/decoder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/engine/converted_models.h"
#include "core/engine/device/gpu_refusal.h"
#include "core/engine/known_tokens.h"
#include "core/engine/prefill.h"
#include "core/engine/sequence.h"
#include "core/engine/stopwatch.h"
#include "core/engine/store_codecs.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/methods/predict.h"
#include "core/model/model.h"
#include "core/plan/plan_prefill.h"
#include "core/plan/text_limit.h"

namespace fovea {

namespace {

AttentionPlan accepted(AttentionPlan plan, const ModelSpec& spec) {
    if (const auto why = refusal(plan, spec))
        throw PlanError(*why);
    return plan;
}

} // namespace

Decoder::Decoder(std::shared_ptr<const Model> model, AttentionPlan plan, Backend backend, AttentionTap* tap,
                 bool graphs)
    : m_own(std::move(model)), m_plan(accepted(std::move(plan), m_own->spec)),
      m_model(modelUnder(m_own, m_plan)), m_codecs(storeCodecs(m_own, m_model->spec, m_plan.store)), m_backend(backend),
      m_keeps(m_plan, m_model->spec), m_state{*m_model, m_plan, m_keeps, m_ledger, tap, graphs} {
    makePath();
}

void Decoder::makePath() {
    switch (m_backend) {
    case Backend::Cpu:
        m_path = makeCpuPath(m_state);
        return;
    case Backend::Reference:
        m_path = makeReferencePath(m_state);
        return;
    case Backend::Cuda:
        if (const auto why = gpuRefusal(m_plan, *m_model))
            throw PlanError(*why);
        try {
            m_path = makeCudaPath(m_state, m_model);
        } catch (const cuda::OutOfMemory& full) {
            leaveDevice(full.what());
        }
    }
}

// The host's cache has every row: the CPU goes on where the GPU stopped.
void Decoder::leaveDevice(const char* why) {
    m_whyLeft = why;
    m_backend = Backend::Cpu;
    makePath();
}

std::int64_t Decoder::vocabulary() const {
    return m_model->spec.vocabulary;
}

std::unique_ptr<Sequence> Decoder::begin(SequenceOptions options) {
    options.capacity = options.capacity > 0 ? std::min(options.capacity, textLimit(m_plan, m_model->spec))
                                            : m_model->spec.context;
    options.truths = m_backend == Backend::Reference;
    options.codecs = m_codecs;
    options.codecSource = [own = std::weak_ptr(m_own), spec = m_model->spec](const Store& store) {
        const auto model = own.lock();
        if (!model)
            throw PlanError("the model of this run is closed");
        return storeCodecs(model, spec, store);
    };
    return std::make_unique<Sequence>(m_plan, m_model->spec, m_keeps, m_ledger, options);
}

void Decoder::require(const Sequence& text, std::span<const int> next) const {
    requireKnown(next, m_model->spec.vocabulary);
    if (text.tokens() + std::ssize(next) > text.capacity())
        throw EngineError("The session holds " + std::to_string(text.capacity()) + " tokens, not " +
                          std::to_string(text.tokens() + std::ssize(next)) + ".");
}

bool Decoder::prefill(Sequence& text, std::span<const int> tokens, const std::atomic<bool>& cancel) {
    require(text, tokens);
    // The step that follows feeds the prompt's last token.
    const std::int64_t length = text.tokens() + std::ssize(tokens) + 1;
    if (readsPromptInFloats(m_plan))
        text.keepPromptRows(std::ssize(tokens));
    while (!tokens.empty()) {
        if (cancel)
            return false;
        const auto chunk = tokens.first(std::min<std::size_t>(tokens.size(), kPrefillChunk));
        readChunk(text, chunk, length);
        text.advancePrompt(std::ssize(chunk));
        tokens = tokens.subspan(chunk.size());
    }
    return true;
}

void Decoder::readChunk(Sequence& text, std::span<const int> chunk, std::int64_t length) {
    try {
        if (m_path->readPrompt(text, chunk, length))
            return;
    } catch (const cuda::OutOfMemory& full) {
        leaveDevice(full.what());
    }
    // Who compares backends wants them to begin with the same rows: a last bit of a product may be one of a cached
    // value's, and that is 2^-9 of it in bf16. Prompts are compared by themselves (check_prompt.h).
    const Backend reader = m_backend == Backend::Cuda ? Backend::Cpu : m_backend;
    prefillChunk(m_state, m_state.tap ? Backend::Reference : reader, text, chunk, length);
}

// Where the logits are the host's.
void Decoder::settle(const TokenChoice& choice, std::span<const float> logits) const {
    for (NextToken& next : choice.next) {
        const std::span<const float> own = logits.first(static_cast<std::size_t>(vocabulary()));
        logits = logits.subspan(own.size());
        if (choice.sampling)
            next.token = chooseToken(own, *choice.sampling, next.draw);
        next.surprise = surpriseOf(own, next.token);
    }
}

StepCost Decoder::step(std::span<const Feed> feeds, bool planned, std::span<float> logits,
                       const TokenChoice& choice, bool keepsLogits) {
    for (const Feed& feed : feeds)
        require(*feed.sequence, {&feed.token, 1});
    for (const NextToken& next : choice.next)
        if (!choice.sampling)
            requireKnown({&next.token, 1}, m_model->spec.vocabulary);
    m_ledger.take(); // what prefill wrote is no step's

    StepCost cost;
    const Stopwatch watch;
    for (const Feed& feed : feeds)
        feed.sequence->begin(planned);
    std::optional<StepTime> chosen;
    StepTime time;
    const auto pass = [&] {
        if (!keepsLogits)
            chosen = m_path->stepTo(feeds, planned, choice);
        time = chosen ? std::move(*chosen) : m_path->step(feeds, planned, logits);
    };
    try {
        pass();
    } catch (const cuda::OutOfMemory& full) {
        leaveDevice(full.what());
        pass();
    }
    cost.attentionSeconds = time.attentionSeconds;
    cost.device = std::move(time.device);
    for (const Feed& feed : feeds)
        feed.sequence->advance();
    cost.seconds = watch.seconds();
    if (!chosen)
        settle(choice, logits);
    if (!m_whyLeft.empty()) // others want the memory
        for (const Feed& feed : feeds)
            feed.sequence->leaveDevice();

    cost.counted = m_ledger.take();
    if (m_predictedFor != std::ssize(feeds)) { // a warm step takes no memory, and a formula may
        m_weights = predictWeights(m_plan, m_own->spec, std::ssize(feeds));
        m_predictedFor = std::ssize(feeds);
    }
    cost.formula = m_weights;
    for (const Feed& feed : feeds)
        feed.sequence->describe(cost);
    return cost;
}

} // namespace fovea
