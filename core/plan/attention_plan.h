#pragma once
// A plan answers the four questions about the KV cache: who owns it (share), which tokens stay (keep), in
// what form (store), which of those are read (read); and beside them in what form its weights are (weights), and what
// those multiply (acts). A slot left out means the model's own. The text form is the same on the command line, in titles
// and in files:
//
//     share=cla:2 store=bf16 read=sparq:r=8,k=64,local=16 weights=rtn:bits=4 acts=rtn      ("dense" is the empty plan)
//
// Words are separated by blanks, in any order, each slot at most once; "dense" fills the read slot. Switches
// left out keep their defaults.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "core/methods/keep/h2o.h"
#include "core/methods/keep/lm_infinite.h"
#include "core/methods/keep/moa.h"
#include "core/methods/keep/scissorhands.h"
#include "core/methods/keep/snapkv.h"
#include "core/methods/keep/streaming.h"
#include "core/methods/quantise/acts.h"
#include "core/methods/quantise/rtn.h"
#include "core/methods/read/quest.h"
#include "core/methods/read/sparq.h"
#include "core/methods/share/cla.h"
#include "core/methods/read/topv.h"
#include "core/methods/store/store.h"

namespace fovea {

struct ModelSpec;

// Every token stays; the default.
struct KeepAll {
    bool operator==(const KeepAll&) const = default;
};

// Every live token is read: dense attention, and the default.
struct ReadAll {
    bool operator==(const ReadAll&) const = default;
};

using Keep = std::variant<KeepAll, StreamingParams, LmInfiniteParams, MoaParams, H2oParams, ScissorhandsParams,
                          SnapkvParams>;
using Read = std::variant<ReadAll, SparqParams, TopvParams, QuestParams>;

struct AttentionPlan {
    Share share = {};
    Keep keep;
    Store store = {};
    Read read;
    // What a prompt's queries see (core/plan/plan_prefill.h): everything before them as it came; only what the keep lets
    // them see, as if the text had been decoded from its first token; or everything, as the store holds it. Masked, the keep
    // acts from the first token on, and only the read waits for decode-from. Empty: as the papers of the keep and the store
    // do (paperPrefill).
    enum class Prefill : std::uint8_t { Dense, Masked, Quantised };
    std::optional<Prefill> prefill;
    // What a keep that scores tokens hears under a read that is not dense: the α-scaled weights of what was read and 0
    // elsewhere, or the approximate softmax that the choice was made by.
    enum class Feedback : std::uint8_t { Exact, Estimate } feedback = Feedback::Exact;
    WeightCodes weights = {}; // of the layers' matrices
    Acts acts = {};           // what these are given

    bool operator==(const AttentionPlan&) const = default;
};

// Do both run on the same weights and round alike what these are given, and so make the same q, k and v of the same
// residual stream?
bool sameModel(const AttentionPlan& a, const AttentionPlan& b);

// A plan that cannot be read or run. what() is one sentence that names the word and the accepted ones.
class PlanError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Inverse of toText. A plan that names a file is read together with it, and needs it no more. Throws PlanError.
AttentionPlan parsePlan(std::string_view text);
// How spans that a file holds are written: by the file's name, or themselves, for text that outlives it.
enum class SpansText : std::uint8_t { Named, Whole };
// Shortest text that parses to the same plan; defaults are left out. Spans that no file holds are written whole.
std::string toText(const AttentionPlan& plan, SpansText spans = SpansText::Named);
// The same for a title: spans that no file holds as their shape alone. No plan can be read from that.
std::string toTitle(const AttentionPlan& plan);

// Why this plan cannot run on this model (r beyond head_dim, slots that do not go together, …), or nothing.
std::optional<std::string> refusal(const AttentionPlan& plan, const ModelSpec& spec);

} // namespace fovea
