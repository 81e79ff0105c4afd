#pragma once
// A model running under a plan, one token at a time.
//
// The prompt is prefilled through libtorch's GEMM, all but its last token; that one and everything after it go
// through the decode kernels, so N generated tokens are N decode steps. The plan's keep and read act from position
// decodeFrom on (default: the prompt's length). Earlier reads are dense and every token stays; what the plan does not
// keep of them leaves as the first planned step begins. From then on a token leaves at the end of the last step that
// sees it. Where the plan masks its prefill the keep acts from the first token on: then tokens leave at the end of the
// last step, or chunk of the prompt, that sees them, and decodeFrom is the read's alone.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/run.h"
#include "core/engine/sampler.h"
#include "core/methods/share/kv_conversion.h"

namespace fovea {

class AttentionTap;
struct Model;

// Tokens that cannot be run: a prompt beyond the context, an id beyond the vocabulary. what() is one
// sentence.
class EngineError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Cuda is a GPU (device/gpu_refusal.h says what it does not take).
enum class Backend : std::uint8_t { Cpu, Reference, Cuda };
std::string_view backendName(Backend backend); // "cpu", "reference", "cuda"
std::optional<Backend> backendOf(std::string_view name); // empty: there is none of this name
inline constexpr Backend kAllBackends[] = {Backend::Cpu, Backend::Cuda, Backend::Reference};

struct SessionOptions {
    Backend backend = Backend::Cpu;
    std::int64_t captureBudget = 0; // bytes; 0: capture nothing
    bool recordSlots = false;       // keep the life of every cached token, for Run::slots
    std::int64_t capacity = 0; // most tokens this session will see; 0: the model's context; at most textLimit
    bool graphs = true; // on a GPU: steps are queued as one (cuda::LaunchGraph), not launch by launch
    AttentionTap* tap = nullptr; // hears decode steps, not the prefill; outlives the session
};

class Session {
public:
    // Throws PlanError when the plan cannot run on the model. Where the plan shares KV between layers or rounds weights
    // the model is converted first (converted_models.h), which takes a while when nobody asked for it before. On the GPU
    // also where that has not the kernels; where it has not the memory the session begins on the CPU.
    Session(std::shared_ptr<const Model> model, AttentionPlan plan, SessionOptions options);
    ~Session();
    Session(Session&&) noexcept;

    // Dense or masked, as the plan says: fills the cache, in chunks between which `cancel` is heard; may follow other tokens. False when
    // cancelled. Throws EngineError with nothing changed. Leaves logits() as they were.
    bool prefill(std::span<const int> tokens, const std::atomic<bool>& cancel);
    // One decode step; logits() then predict the next token. `planned`: use the plan's read, else dense. The
    // plan's keep acts from the first planned step on (from the first token on where the prefill is masked), for good:
    // what was evicted does not come back. The record's token and surprise are the caller's to fill. Throws EngineError with nothing changed.
    StepRecord step(int token, bool planned);
    // The same, and how the text goes on: `next` is chosen by `sampling` and its draw, or is given where that is null; the
    // record has it. Where logits are not kept a GPU chooses where it has them, within the step and its time, so that they
    // need not come to the host.
    StepRecord step(int token, bool planned, const SamplerOptions* sampling, NextToken next, bool keepsLogits);

    // (V); zeros before the first step, empty after one that did not keep them
    std::span<const float> logits() const;
    std::int64_t tokens() const;           // in the cache
    const Model& model() const;            // as it was given
    const std::shared_ptr<const Capture>& capture() const;
    const SlotHistory& slots() const; // empty unless recordSlots
    // Where steps run now: the CPU, once the GPU had no memory left for one of its own. Then why, in a sentence.
    Backend backend() const;
    const std::string& whyLeft() const; // empty: it runs where it was told to
    std::int64_t promptEvicted() const; // rows that left while prompts were read, all layers and KV heads

private:
    StepRecord recordOf(int token, bool planned) const; // of the next step

    struct Impl;
    std::unique_ptr<Impl> m;
};

// Tells the run where its steps are taken, as of its newest: after every step.
void noteBackend(Run& run, const Session& session);

struct GenerateOptions {
    std::int64_t tokens = 0;      // to generate
    std::int64_t decodeFrom = -1; // -1: the prompt's length
    bool ignoreEnd = false;       // go on past BOS and EOS
    int bos = 1, eos = 2;
    std::vector<int> ends; // further tokens that end a text, or a turn of a conversation
    bool keepLogits = false;
    SamplerOptions sampler;
    SessionOptions session;
    ConversionProgress converting; // hears of a conversion that the plan's share or weights ask for; may be empty
    // Teacher-forced: feed these after the prompt instead of sampling (their number is `tokens`).
    std::vector<int> forced;
};

// Called after each step with the run so far; it may copy it. Return false to stop.
using StepObserver = std::function<bool(const Run& soFar)>;

// Feeds the prompt's last token and then each token chosen, so N tokens are N steps, and run.tokens holds the
// prompt and one token per step. Ends early at the text limit (text_limit.h), at BOS, EOS or one of `ends`
// (unless ignoreEnd or forced; the end token is then the last of run.tokens), when the observer says so and when
// cancelled. Throws PlanError, and EngineError for an empty prompt, one longer than the context or an id
// beyond the vocabulary.
Run generate(std::shared_ptr<const Model> model, const AttentionPlan& plan, std::span<const int> prompt,
             const GenerateOptions& options, const StepObserver& observer, const std::atomic<bool>& cancel);

} // namespace fovea
