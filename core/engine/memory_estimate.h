#pragma once
// What a run will hold, known before a weight is read: a formula of the model's shape and the plans, exact
// for what a session reserves, so that a run too large for the machine is refused or made smaller rather than
// begun.
//
//   weights  every parameter, in the type that the file holds, and those that a plan's share makes anew
//            (predictConvertedBytes) or its weights round (predictRoundedBytes), once for plans that do so alike; what
//            they are made of stays mapped from the file
//   cache    per plan and KV head of a layer that owns its KV, with e bytes per element, b slots per block, S the
//            most rows that the head ever holds (of the prompt, chunk by chunk where it is masked, or of what its keep leaves) and n kinds of rows
//            (K, V, and the component-major copy of K where the plan reads by columns):
//              ⌈S / b⌉ · b · n · d · e   and 4·d for every sum of values that the plan keeps, and 2·d·e for each page
//                                        of a plan that keeps bounds, in blocks of as many as ⌊b / page⌋
//              ⌈S / b⌉ · b · 4, 4·h/32   where it keeps scores of H2O, or histories of h queries; SnapKV 4·w·H·d
//   capture  4 · capacity · d · (H + 2·G) for each of the first layers, as many as the capture's budget holds; H
//            alone where the layer borrows its KV
//   logits   4 · V per plan and step, kept for KL, and once more in the copy that is on screen
// What the C library and the system take beside this is not known, and the budget leaves room for it.

#include <cstdint>
#include <string>
#include <vector>

#include "core/plan/attention_plan.h"

namespace fovea {

struct ModelSpec;

// A budget that nobody chose.
inline constexpr double kMemoryShare = 0.8; // of the machine's memory

struct MemoryQuestion {
    std::vector<AttentionPlan> plans; // each a session of its own, on the same weights
    std::int64_t prompt = 1;          // tokens, BOS included
    std::int64_t tokens = 0;          // that are generated after them
    std::int64_t decodeFrom = -1;     // where the plans act from; -1: the prompt's end
    std::int64_t spare = 0;           // room for more of them, not taken yet
    bool wholeContext = false; // sessions are made for the model's whole context, as the command line's are
    // Bytes, in equal parts of the first plan's session and of those that share KV or round weights otherwise:
    // what a head of theirs attends over is not in the first's capture.
    std::int64_t captureBudget = 0;
    bool keepsLogits = false;       // of every step of every plan
};

// Sessions that capture, the first plan's among them, and what each may take of the budget.
bool captures(const MemoryQuestion& question, std::size_t plan);
std::int64_t captureBudgetOf(const MemoryQuestion& question, std::size_t plan);

struct MemoryEstimate {
    std::int64_t weights = 0, cache = 0, capture = 0, logits = 0; // bytes
    std::int64_t total() const;
    bool operator==(const MemoryEstimate&) const = default;
};

// Sums that do not fit 64 bits are the largest number that does.
MemoryEstimate estimateMemory(const ModelSpec& spec, const MemoryQuestion& question);

// One way to hold less: the same question with less in it.
struct MemoryOffer {
    enum class Kind : std::uint8_t { Capture, HalfStore, Tokens, Everything };
    Kind kind = Kind::Tokens;
    MemoryQuestion question;
    MemoryEstimate estimate;
    std::string what; // "generate 812 tokens instead of 4096"
};

// What fits `budget` bytes, the least painful first; empty where the question itself fits, and where nothing
// does, because the weights alone are too large.
std::vector<MemoryOffer> memoryOffers(const ModelSpec& spec, const MemoryQuestion& question,
                                      std::int64_t budget);

// "2.31 GB: 2.20 GB of weights, 110 MB of KV cache" — parts that are zero are left out.
std::string memoryText(const MemoryEstimate& estimate);

} // namespace fovea
