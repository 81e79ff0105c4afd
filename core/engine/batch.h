#pragma once
// Several texts decoded at once under one plan: every step reads each weight once for all of them, and the rows of all
// their caches in one pass. What a text is given is what it would be given alone, bit for bit.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/engine/run.h"
#include "core/engine/session.h"

namespace fovea {

class Batch {
public:
    // `texts` empty ones of at most `capacity` tokens each; 0: the model's context. Throws as Session does.
    Batch(std::shared_ptr<const Model> model, AttentionPlan plan, int texts, std::int64_t capacity = 0,
          Backend backend = Backend::Cpu);
    ~Batch();
    Batch(Batch&&) noexcept;

    struct Fed {
        int text, token;
    };

    // As Session::prefill, of one text.
    bool prefill(int text, std::span<const int> tokens, const std::atomic<bool>& cancel);
    // One step of all that are fed, one at least, each another text; those left out stand still. As Session::step,
    // counted, timed and held together.
    StepCost step(std::span<const Fed> fed, bool planned);
    // The same, and how the texts that are fed go on, in their order: as Session's, with no logits kept.
    StepCost step(std::span<const Fed> fed, bool planned, const SamplerOptions& sampling,
                  std::span<NextToken> next);

    // (V) after its last step that kept them, zeros before the first
    std::span<const float> logits(int text) const;
    std::int64_t tokens(int text) const;           // in its cache
    const std::string& whyLeft() const;            // as Session's

private:
    struct Impl;
    std::unique_ptr<Impl> m;
};

struct BatchText {
    std::vector<int> tokens; // prompt (BOS included) and what was generated
    std::int64_t promptTokens = 0;
    std::vector<float> surprises; // -ln p of each generated token, nats
};

// What is left of texts that were decoded at once.
struct BatchRun {
    ModelSpec spec;
    AttentionPlan plan;
    std::vector<BatchText> texts;
    struct Step : StepCost {
        int texts = 0; // that were decoded in it
    };
    std::vector<Step> steps;
    double prefillSeconds = 0;
    int threads = 1;
    std::string whyLeft; // as Run's
};

// As `generate`, of several prompts, on the kernels of the CPU or of a GPU: the plan acts from each prompt's end, a text that ends leaves
// the batch, and each has a sampler of its own, seeded alike. Of the options `decodeFrom`, `forced`, `keepLogits` and
// what `session` has besides the backend are not looked at.
BatchRun generateBatch(std::shared_ptr<const Model> model, const AttentionPlan& plan,
                       std::span<const std::vector<int>> prompts, const GenerateOptions& options,
                       const std::function<bool(const BatchRun& soFar)>& observer,
                       const std::atomic<bool>& cancel);

} // namespace fovea
