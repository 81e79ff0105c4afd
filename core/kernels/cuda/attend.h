#pragma once
// Decode attention on the GPU for callers that know nothing of CUDA. Truth: denseTruth.
//
// One pass serves H query heads of G KV heads, and a batch of texts is only more of both: KV heads of several texts, each with
// its own blocks and its own number of slots, are one launch. They lie side by side in the tables, or each text has tables of
// its own (TextBatch); either way a text is given what it would be given alone, bit for bit, if it has as many splits.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/head_sight.h"
#include "core/kernels/cuda/kernels.h"
#include "core/kernels/cuda/mixed_rows.h"
#include "core/kernels/cuda/row_codes.h"
#include "core/kernels/cuda/text_batch.h"

namespace fovea::cuda {

// What a keep that ranks tokens is told (core/kernels/cpu/read_report.h): the weight of entry i of query head h is
// exp(logits[h·stride + i] − tops[h]) / sums[h], times its α where there is one. Entries are slots, or those of the list.
struct LogitReport {
    float* logits = nullptr; // (H, stride); null: nothing is told
    std::int64_t stride = 0;
    float* tops = nullptr; // (H)
    float* sums = nullptr; // (H)
};

// One decode step of one layer: H query heads against the live slots of G KV heads, H = G·group; query heads
// g·group … (g+1)·group - 1 share KV head g. Slots, fewer than 2^31 of a head, live in blocks as core/cache/kv_view.h
// lays them out. All pointers are device memory; q, out, partials and every block are aligned to 16 bytes.
struct AttendAll {
    ElementType type = ElementType::F32; // of K and V where they are floats
    RowCodes codes;                      // of K and V where they are not
    MixedBlocks mixed;                   // how they lie where some are exact, of `type`, and others codes
    int heads = 0;                       // H
    int kvHeads = 0;                     // G
    int headDim = 0;                     // d, see refusal
    int slotsPerBlock = 256;
    float scale = 0;   // of q·k, 1/√d as a rule
    float softcap = 0; // logits are c·tanh(x/c); 0: as they are

    const float* q = nullptr;            // (H, d)
    const void* const* keys = nullptr;   // (G, blocksPerHead) blocks of slotsPerBlock rows
    const void* const* values = nullptr; // the same of V
    std::int64_t blocksPerHead = 0;      // stride of the two tables
    const std::int64_t* slots = nullptr; // (G) live slots; a head with none gives zeros
    float* out = nullptr;                // (H, d)

    // What each query head sees of what is held, with the positions of every KV head's slots (G pointers); null: all of
    // it. A head never meets a row that it does not see, be it NaN, and what no head of a group sees is not read. Nothing
    // is told (LogitReport) where heads differ.
    const HeadSight* sights = nullptr; // (H)
    const std::int64_t* const* positions = nullptr;
    LogitReport report;

    TextBatch
        batch; // several texts of G KV heads each: q, out and what else is (H, …) is then (batch.all, H, …)

    int splits = 1;            // thread blocks that share out each KV head's slots: see splitsFor
    float* partials = nullptr; // partialFloats(…) floats of scratch where splits > 1
};

// Slots that are attended to instead of all: lists of KV heads, or of query heads.
struct SlotLists {
    const std::int32_t* slots = nullptr;  // (G or H, stride), live ones, none of them twice
    const std::int32_t* counts = nullptr; // (G or H) how many of them hold; 0 gives zeros
    std::int64_t stride = 0;
    bool perQueryHead = false;
};

// What stands in for the rows that a list leaves out: out = α·out + (1 − α)·v̄, v̄ = sums / tokens (SparQ, stage 5 in
// methods/read/sparq.h).
struct MeanValue {
    const float* alphas = nullptr;        // (H); null: nothing does
    const float* sums = nullptr;          // (G, d), or (H, d): of all values that the head sees
    const std::int64_t* tokens = nullptr; // (H) how many these are; null: all live slots
    bool perQueryHead = false;            // sums
};

constexpr int kMaxSplits = 1024;

// Logits of all slots that another kernel has left already, and their softmax (top-k V's choice): the keys are not read,
// and −∞ stands for a slot that the head does not see.
struct KnownLogits {
    const float* logits = nullptr; // (H, stride); null: they are formed
    std::int64_t stride = 0;
    // (H) the largest logit m and l = Σ exp(logit − m) over all slots, of which the listed weigh their share; null: they
    // share all of it among themselves.
    const float* tops = nullptr;
    const float* sums = nullptr;
};

// Enough splits to keep `multiprocessors` busy when no KV head holds, or no list has, more than `longest` slots.
int splitsFor(const AttendAll& step, std::int64_t longest, int multiprocessors, bool perQueryHead = false);
// Scratch for the softmax states of all splits, in floats; 0 for one split.
std::size_t partialFloats(const AttendAll& step);
// How often the kernel reads each live row of K and V, for whoever counts bytes: once for every eight query
// heads of a group, so once while H/G ≤ 8.
int readsOfEachRow(const AttendAll& step);
// Why the kernel does not take this step, in a sentence; empty when it does. Cannot look into device memory.
//   floats   d up to 256, rows being whole 16-byte words
//   codes    d a multiple of 8 up to 256, of 16 at 3 bits: each thread takes eight codes, which are whole bytes
//   mixed    the same
std::string refusal(const AttendAll& step);

std::string refusal(const AttendAll& step, const SlotLists& lists, const MeanValue& mean = {});
std::string refusal(const AttendAll& step, const SlotLists& lists, const KnownLogits& known);

// Queues the step on `stream` and returns: one launch, and one more where there are splits. Throws
// std::invalid_argument with refusal()'s sentence, or std::runtime_error when there is no device or it does not take the
// launch.
void attendAll(const AttendAll& step, Stream stream);
// The same of listed rows alone: gather, attention, mean and the join of splits are these two launches too.
void attendList(const AttendAll& step, const SlotLists& lists, const MeanValue& mean, Stream stream);
// out = Σ V[slot]·exp(logit − m) / l over listed slots. Scale, soft cap and sights of the step say nothing, and it has no
// report: what the logits are is known already.
void addListedValues(const AttendAll& step, const SlotLists& lists, const KnownLogits& known, Stream stream);

} // namespace fovea::cuda
