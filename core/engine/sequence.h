#pragma once
// One text under a plan: what the cache holds of it, what its keep remembers, and what the last step did to both. It
// has no weights: a session gives it the rows that a model makes of its tokens, the bench rows of its own.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/engine/capture.h"
#include "core/engine/keep_observer.h"
#include "core/engine/layer_keeps.h"
#include "core/engine/prompt_rows.h"
#include "core/engine/run.h"
#include "core/methods/step_shape.h"

namespace fovea {

class CacheTwin;
class PromptTwin;

struct SequenceOptions {
    std::int64_t capacity = 0;      // most tokens it will see
    std::int64_t captureBudget = 0; // bytes; 0: capture nothing
    bool recordSlots = false;
    bool truths = false; // a keep that ranks tokens does so by the methods' truths
    std::shared_ptr<const StoreCodecs> codecs = {}; // where the plan's store wants some
    Capture::CodecSource codecSource = {};          // of whoever replays what was captured
};

class Sequence {
public:
    // All but the options outlive it. The ledger hears what is written, and what eviction moves.
    Sequence(const AttentionPlan& plan, const ModelSpec& spec, const LayerKeeps& keeps, Ledger& ledger,
             const SequenceOptions& options);
    ~Sequence();
    Sequence(const Sequence&) = delete;
    Sequence& operator=(const Sequence&) = delete;

    std::int64_t tokens() const { return m_tokens; } // in the cache: the position of the next
    std::int64_t capacity() const { return m_capacity; }
    bool keeping() const {
        return m_keeping;
    } // the plan's keep acts: from the first token on where it masks prompts
    const KvCache& cache() const { return m_cache; }
    const std::shared_ptr<const Capture>& capture() const { return m_capture; }
    const SlotHistory& slots() const { return m_history; } // empty unless recorded
    // What the GPU holds of it, from the first call on.
    CacheTwin& onDevice();
    // Gives that back, for good or until it is asked for again.
    void leaveDevice();
    // Null where the keep hears nothing of what queries give to tokens.
    KeepObserver* observer() { return m_observer.get(); }

    // Before a prompt that sees its rows as they come, where they are held as codes (readsPromptInFloats): they are kept
    // until the next step.
    void keepPromptRows(std::int64_t tokens);
    const PromptRows* promptRows() const { return m_promptRows.get(); } // null: nobody asked
    // What a prompt's queries see in floats on the GPU, from the first call on until the next step: those rows or, where there
    // are none, all as the cache holds it.
    PromptTwin& promptOnDevice();
    // Before a step: forgets what the last one did. The first planned one drops what the plan does not keep of the
    // tokens before it.
    void begin(bool planned);
    // One token of one layer, at `position`, tokens() or beyond while several are fed: q (H, d) after RoPE, k and v
    // (G, d), null where the layer borrows its KV.
    void append(int layer, std::int64_t position, const float* q, const float* k, const float* v);
    // KV head by KV head, did it choose the last page of its slots (Quest)? What no formula can know.
    void choseLastPages(int layer, std::span<const char> heads);
    // All layers have `n` tokens more; what the next query will not see leaves. Only between steps: layers that
    // borrow read what their owner appended in the same step, after it.
    void advance(std::int64_t n = 1);
    // The same at the end of a prompt's chunk; what leaves then is no step's, and is counted by itself.
    void advancePrompt(std::int64_t n);
    std::int64_t promptEvicted() const { return m_promptEvicted; } // rows, all layers and KV heads
    // Adds what the step since begin() did, formula layer by layer, and what is held now.
    void describe(StepCost& cost);

private:
    void evict(std::int64_t next);
    StepShape shape() const;

    const AttentionPlan& m_plan;
    const ModelSpec& m_spec;
    const LayerKeeps& m_keeps;
    Ledger& m_ledger;
    KvCache m_cache;
    std::unique_ptr<CacheTwin> m_twin; // null: no step was on a GPU
    std::int64_t m_capacity, m_tokens = 0;
    std::shared_ptr<const Capture> m_capture; // as runs share it
    Capture* m_writtenCapture = nullptr;      // the same, for this text alone
    std::unique_ptr<KeepObserver> m_observer;
    std::unique_ptr<PromptRows> m_promptRows;
    std::unique_ptr<PromptTwin> m_promptTwin; // null: no prompt asked
    SlotHistory m_history;
    std::vector<char> m_lastPages, m_holes;      // (layers, G) and (G), as StepShape has them
    std::vector<std::vector<int>> m_readers;     // (layers) the same
    bool m_planned = false, m_takesOver = false; // the step since begin()
    bool m_keeping = false;
    std::int64_t m_prompt = -1; // tokens before the plan acted
    std::int64_t m_promptEvicted = 0;
    // The query that unseen tokens were last evicted for, and whether the plan's keep acted then.
    std::int64_t m_evictedFor = 0;
    bool m_evictedKeeping = false;
};

} // namespace fovea
