#pragma once
// A run that can pause: generate() in pieces, so that Stop keeps what there is, Step adds one token, and a
// second plan can be fed the same tokens. Steps and positions are those of generate(). One thread at a time.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/engine/run.h"
#include "core/engine/sampler.h"
#include "core/engine/session.h"

namespace fovea {

struct LiveRunOptions {
    std::int64_t decodeFrom = -1;   // -1: the prompt's length
    std::int64_t capacity = 0;      // most tokens this run will see; 0: the model's context
    std::int64_t captureBudget = 0; // bytes; 0: capture nothing
    bool ignoreEnd = true;
    int bos = 1, eos = 2;
    std::vector<int> ends; // further tokens that end a text
    Backend backend = Backend::Cpu;
    int threads = 1; // that the run will use, for its record
    SamplerOptions sampler;
};

class LiveRun {
public:
    // `prompt` has at least one token. Throws PlanError when the plan cannot run on the model.
    LiveRun(std::shared_ptr<const Model> model, const AttentionPlan& plan, std::vector<int> prompt,
            std::string promptText, const LiveRunOptions& options);

    // Called after each step. The Run is not to be kept; take a snapshot().
    using Observer = std::function<void(const Run& soFar)>;

    // Chooses up to `tokens` more; fewer at the end of text, at the capacity and when cancelled.
    void advance(std::int64_t tokens, const Observer& observer, const std::atomic<bool>& cancel);
    // Feeds the tokens of another run that this one has not seen, instead of choosing.
    void follow(const std::vector<int>& tokens, const Observer& observer, const std::atomic<bool>& cancel);

    const Run& run() const { return m_run; }
    // The run as it stands, never to change; with the logits kept so far.
    std::shared_ptr<const Run> snapshot(bool withLogits) const;
    bool full() const; // no room for another token

private:
    bool readPrompt(const Observer& observer, const std::atomic<bool>& cancel);
    void makeRoom(std::int64_t steps);
    void feed(std::int64_t position);
    void settle(int next);

    LiveRunOptions m_options;
    Session m_session;
    Sampler m_sampler;
    Run m_run;
    std::vector<float> m_logits; // (steps, V)
    bool m_ended = false;        // BOS or EOS was chosen
};

} // namespace fovea
