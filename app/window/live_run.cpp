#include "app/window/live_run.h"

#include <algorithm>
#include <chrono>

#include "core/model/model.h"

namespace fovea {

namespace {

SessionOptions sessionOptions(const LiveRunOptions& options) {
    SessionOptions session;
    session.backend = options.backend;
    session.captureBudget = options.captureBudget;
    session.capacity = options.capacity;
    session.recordSlots = true;
    return session;
}

} // namespace

LiveRun::LiveRun(std::shared_ptr<const Model> model, const AttentionPlan& plan, std::vector<int> prompt,
                 std::string promptText, const LiveRunOptions& options)
    : m_options(options), m_session(model, plan, sessionOptions(options)), m_sampler(options.sampler) {
    if (m_options.capacity <= 0)
        m_options.capacity = model->spec.context;
    m_run.spec = model->spec;
    m_run.plan = plan;
    m_run.prompt = std::move(promptText);
    m_run.promptTokens = static_cast<std::int64_t>(prompt.size());
    m_run.tokens = std::move(prompt);
    m_run.decodeFrom =
        options.decodeFrom < 0 ? m_run.promptTokens : std::min(options.decodeFrom, m_run.promptTokens);
    m_run.backend = backendName(options.backend);
    m_run.threads = options.threads;
    m_run.capture = m_session.capture();
}

bool LiveRun::full() const {
    return static_cast<std::int64_t>(m_run.tokens.size()) >= m_options.capacity;
}

void LiveRun::advance(std::int64_t tokens, const Observer& observer, const std::atomic<bool>& cancel) {
    if (!readPrompt(observer, cancel))
        return;
    makeRoom(tokens);
    for (std::int64_t i = 0; i < tokens && !full() && !m_ended && !cancel; ++i) {
        feed(static_cast<std::int64_t>(m_run.tokens.size()) - 1);
        const int next = m_sampler.next(m_session.logits());
        const bool end =
            next == m_options.bos || next == m_options.eos ||
            std::find(m_options.ends.begin(), m_options.ends.end(), next) != m_options.ends.end();
        m_ended = end && !m_options.ignoreEnd;
        settle(next);
        m_run.tokens.push_back(next);
        observer(m_run);
    }
}

void LiveRun::follow(const std::vector<int>& tokens, const Observer& observer,
                     const std::atomic<bool>& cancel) {
    if (!readPrompt(observer, cancel))
        return;
    makeRoom(std::ssize(tokens) - std::ssize(m_run.tokens));
    for (std::size_t i = m_run.tokens.size(); i < tokens.size() && !full() && !cancel; ++i) {
        feed(static_cast<std::int64_t>(i) - 1);
        settle(tokens[i]);
        m_run.tokens.push_back(tokens[i]);
        observer(m_run);
    }
}

// A vector that grows by doubling would take up to three times what was foretold.
void LiveRun::makeRoom(std::int64_t steps) {
    const std::int64_t room = std::min(steps, m_options.capacity - std::ssize(m_run.tokens));
    if (room > 0)
        m_logits.reserve(m_logits.size() + static_cast<std::size_t>(room) * m_session.logits().size());
}

// Everything before the prompt's last token and before decodeFrom is prefilled; the rest of the prompt is
// stepped, so that a fixed text can be read as if it were decoded.
bool LiveRun::readPrompt(const Observer& observer, const std::atomic<bool>& cancel) {
    const std::int64_t dense = std::min(m_run.promptTokens - 1, m_run.decodeFrom);
    if (m_session.tokens() < dense) {
        const auto start = std::chrono::steady_clock::now();
        const std::span<const int> head(m_run.tokens.data(), static_cast<std::size_t>(dense));
        if (!m_session.prefill(head, cancel))
            return false;
        m_run.prefillSeconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        m_run.promptEvicted = m_session.promptEvicted();
        m_run.capturedTokens = m_run.capture ? dense : 0;
    }
    while (m_session.tokens() < m_run.promptTokens - 1) {
        if (cancel)
            return false;
        const std::int64_t position = m_session.tokens();
        feed(position);
        settle(m_run.tokens[static_cast<std::size_t>(position) + 1]);
        observer(m_run);
    }
    return true;
}

void LiveRun::feed(std::int64_t position) {
    const int token = m_run.tokens[static_cast<std::size_t>(position)];
    m_run.steps.push_back(m_session.step(token, position >= m_run.decodeFrom));
    noteBackend(m_run, m_session);
    m_run.capturedTokens = m_run.capture ? m_session.tokens() : 0;
    m_run.slots.catchUp(m_session.slots());
}

void LiveRun::settle(int next) {
    const std::span<const float> logits = m_session.logits();
    m_run.steps.back().token = next;
    m_run.steps.back().surprise = surpriseOf(logits, next);
    m_logits.insert(m_logits.end(), logits.begin(), logits.end());
}

std::shared_ptr<const Run> LiveRun::snapshot(bool withLogits) const {
    auto copy = std::make_shared<Run>(m_run);
    if (withLogits)
        copy->logits = std::make_shared<const std::vector<float>>(m_logits);
    return copy;
}

} // namespace fovea
