#pragma once
// A model under a plan, ready to take texts further: what sessions and batches have in common.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/cache/ledger.h"
#include "core/engine/decode_path.h"
#include "core/engine/layer_keeps.h"
#include "core/engine/run.h"
#include "core/engine/session.h"
#include "core/plan/attention_plan.h"

namespace fovea {

struct SequenceOptions;
struct StoreCodecs;

class Decoder {
public:
    // As Session's.
    Decoder(std::shared_ptr<const Model> model, AttentionPlan plan, Backend backend, AttentionTap* tap,
            bool graphs = true);
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    // A text of at most options.capacity tokens; 0: the model's context.
    std::unique_ptr<Sequence> begin(SequenceOptions options);
    // As Session::prefill.
    bool prefill(Sequence& text, std::span<const int> tokens, const std::atomic<bool>& cancel);
    // One step of all that are fed, each another text; logits (n, V). What is counted and timed is theirs together.
    StepCost step(std::span<const Feed> feeds, bool planned, std::span<float> logits) {
        return step(feeds, planned, logits, {}, true);
    }
    // And how they go on. `logits` is room for them, and holds them afterwards where `keepsLogits`. Tokens that are chosen on
    // the host are chosen after the step's time.
    StepCost step(std::span<const Feed> feeds, bool planned, std::span<float> logits,
                  const TokenChoice& choice, bool keepsLogits);

    const Model& own() const { return *m_own; } // as it was loaded
    std::int64_t vocabulary() const;
    Backend backend() const { return m_backend; }              // as Session's
    const std::string& whyLeft() const { return m_whyLeft; }

private:
    void makePath();
    void readChunk(Sequence& text, std::span<const int> chunk, std::int64_t length);
    void leaveDevice(const char* why);
    void settle(const TokenChoice& choice, std::span<const float> logits) const;
    void require(const Sequence& text, std::span<const int> next) const;

    std::shared_ptr<const Model> m_own;
    AttentionPlan m_plan;
    std::shared_ptr<const Model> m_model; // as it runs under the plan's share
    std::shared_ptr<const StoreCodecs> m_codecs; // where its store wants some
    Backend m_backend;
    LayerKeeps m_keeps;
    Ledger m_ledger;
    DecodeState m_state;
    std::unique_ptr<DecodePath> m_path;
    std::string m_whyLeft;
    Traffic m_weights; // that a step reads, by formula, for as many texts
    std::int64_t m_predictedFor = 0;
};

} // namespace fovea
