#pragma once
// What a run left behind. Everything on screen, in a file or in a test is drawn from a Run, and a Run never
// changes once it is shared.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/cache/slot_history.h"
#include "core/cache/traffic.h"
#include "core/engine/capture.h"
#include "core/engine/device_span.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

// Bytes of cache. Held = live bytes with their metadata; reserved = what the allocator took; onDevice = what a GPU's twin of
// the cache took, blocks and tables, beside the host's, 0 where no GPU had one.
struct Held {
    Traffic formula;
    Traffic counted;
    std::int64_t reserved = 0;
    std::int64_t onDevice = 0;
};

// What one step moved, and what is held after it: of one text, or of all that are decoded at once.
struct StepCost {
    Traffic formula, counted;    // bytes moved by this step, all layers
    Held held;                   // after this step
    std::int64_t liveSlots = 0;  // after this step, all layers and KV heads
    std::int64_t evicted = 0;    // rows that this step dropped, all layers and KV heads
    double seconds = 0;          // wall clock of the whole step
    double attentionSeconds = 0; // of which inside attention kernels
    DeviceSpans device = nullptr;
};

struct StepRecord : StepCost {
    std::int64_t position = 0; // of the token fed in
    int fed = 0;               // token fed in
    int token = 0;             // token chosen (or, teacher-forced, the one that follows)
    bool planned = false;      // the plan acted; false before decode-from, where reads are dense and all stay
    float surprise = 0;        // -ln p(token), nats
};

struct Run {
    ModelSpec spec;
    AttentionPlan plan;
    std::string prompt;
    std::vector<int> tokens;       // prompt (BOS included) and what was generated
    std::int64_t promptTokens = 0; // P
    std::int64_t decodeFrom = 0;   // the plan's keep and read act from this position on
    std::vector<StepRecord> steps;
    std::string
        backend; // "cpu", "reference", "cuda"; "cuda, cpu from 512" where the GPU had no memory for that position
    std::string whyLeft; // the GPU, in a sentence for who looks on; empty: it runs where it was told to
    int threads = 1;
    double prefillSeconds = 0;
    // Rows that left while the prompt was read in chunks, before any step: of a model's own window, and of a masked
    // prompt's keep. All layers and KV heads.
    std::int64_t promptEvicted = 0;
    // (steps, V) fp32 logits, for KL against another run of the same tokens; null when not asked for.
    std::shared_ptr<const std::vector<float>> logits;
    std::shared_ptr<const Capture> capture; // null when not asked for
    std::int64_t capturedTokens = 0;        // rows of the capture this Run may read
    SlotHistory slots;                      // the life of every cached token; empty when not asked for
};

} // namespace fovea
