#include "core/engine/session.h"

#include <utility>

#include "core/engine/decoder.h"
#include "core/engine/sequence.h"

namespace fovea {

struct Session::Impl {
    Impl(std::shared_ptr<const Model> model, AttentionPlan plan, const SessionOptions& options)
        : decoder(std::move(model), std::move(plan), options.backend, options.tap, options.graphs),
          text(decoder.begin({.capacity = options.capacity,
                              .captureBudget = options.captureBudget,
                              .recordSlots = options.recordSlots})),
          logits(static_cast<std::size_t>(decoder.vocabulary()), 0.f) {}

    Decoder decoder;
    std::unique_ptr<Sequence> text;
    std::vector<float> logits;
    bool kept = true; // by the newest step
};

Session::Session(std::shared_ptr<const Model> model, AttentionPlan plan, SessionOptions options)
    : m(std::make_unique<Impl>(std::move(model), std::move(plan), options)) {}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

bool Session::prefill(std::span<const int> tokens, const std::atomic<bool>& cancel) {
    return m->decoder.prefill(*m->text, tokens, cancel);
}

StepRecord Session::recordOf(int token, bool planned) const {
    StepRecord record;
    record.position = m->text->tokens();
    record.fed = token;
    record.planned = planned;
    return record;
}

StepRecord Session::step(int token, bool planned) {
    StepRecord record = recordOf(token, planned);
    const Feed feed{m->text.get(), token};
    static_cast<StepCost&>(record) = m->decoder.step({&feed, 1}, planned, m->logits);
    m->kept = true;
    return record;
}

StepRecord Session::step(int token, bool planned, const SamplerOptions* sampling, NextToken next,
                         bool keepsLogits) {
    StepRecord record = recordOf(token, planned);
    const Feed feed{m->text.get(), token};
    const TokenChoice choice{sampling, {&next, 1}};
    static_cast<StepCost&>(record) = m->decoder.step({&feed, 1}, planned, m->logits, choice, keepsLogits);
    m->kept = keepsLogits;
    record.token = next.token;
    record.surprise = next.surprise;
    return record;
}

std::span<const float> Session::logits() const {
    return m->kept ? std::span<const float>(m->logits) : std::span<const float>();
}
std::int64_t Session::tokens() const {
    return m->text->tokens();
}
const Model& Session::model() const {
    return m->decoder.own();
}
const std::shared_ptr<const Capture>& Session::capture() const {
    return m->text->capture();
}
Backend Session::backend() const {
    return m->decoder.backend();
}
const std::string& Session::whyLeft() const {
    return m->decoder.whyLeft();
}
std::int64_t Session::promptEvicted() const {
    return m->text->promptEvicted();
}
const SlotHistory& Session::slots() const {
    return m->text->slots();
}

} // namespace fovea
