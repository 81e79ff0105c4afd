#pragma once
// Which tokens a read takes, chosen on the GPU: SparQ (core/methods/read/sparq.h), Quest (quest.h) and top-k V
// (topv.h), two launches each. A choice leaves lists of slots that attention over a list takes as they are; the
// host learns nothing of it, so that a step never waits for one.
//
// Where heads of a group see different tokens (ReadStep::sights) a group still chooses together: a token weighs nothing with
// a head that does not see it, its logit being -∞ there, and one that no head of the group sees is never chosen; attention
// over the list is by the same sights. They are cpu::attendSparq's, attendTopv's and attendQuest's.
//
// Raw device pointers and sizes, as in kernels.h. A batch is only more KV heads. C++17, since .cu files include it.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/attend_turned.h"
#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

// What the queries of one step meet, for each of the three.
struct ReadStep {
    ElementType type = ElementType::F32; // of what is held as floats
    int heads = 0;                       // H
    int kvHeads = 0;                     // G
    int headDim = 0;                     // d, up to kMaxHeadDim
    int slotsPerBlock = 256;
    float scale = 0;   // of q·k, 1/√d as a rule
    float softcap = 0; // c: logits become c·tanh(logit/c); 0: they stay

    const float* q = nullptr;            // (H, d)
    std::int64_t blocksPerHead = 0;      // stride of tables of blocks
    const std::int64_t* slots = nullptr; // (G) live slots
    std::int64_t longest = 0;            // no KV head holds more; room and grids are made for it

    // What each query head sees, with the positions of every KV head's slots (G pointers); null: all of it. Heads of a
    // group have their sinks in common.
    const HeadSight* sights = nullptr; // (H)
    const std::int64_t* const* positions = nullptr;

    // Several texts of G KV heads each: what is (G, …) or (H, …) and no table of the cache (blocks, slots, byAge, positions) is
    // then (batch.all, G, …) or (batch.all, H, …).
    TextBatch batch;

    int group() const { return heads / kvHeads; }
};

// How every token of a KV head weighs with every query head of its group: logit, and its softmax by m and l.
struct ReadLogits {
    float* logits = nullptr; // (H, stride), each head's first slots[g]; of whom nothing is live, none
    std::int64_t stride = 0; // at least `longest`, a multiple of 4
    float* tops = nullptr;   // (H) m, the largest logit; -∞ where there is none
    float* sums = nullptr;   // (H) l = Σ exp(logit - m)
};

// The tokens that are read.
struct ReadChoice {
    std::int64_t most = 0;          // length of a row, at least what any KV head can choose
    std::int32_t* slots = nullptr;  // (G, most), each head's first counts[g], ascending
    std::int32_t* counts = nullptr; // (G)
};

// --- SparQ -------------------------------------------------------------------------------------------------

// Truth: sparqTruth, its first four stages. Launches scoreColumns and selectSlots.
struct SparqChoice {
    ReadStep step;
    int components = 32;    // r, 1 to d
    int tokens = 128;       // k
    int local = 32;         // newest tokens that are always among them, 0 to k
    bool alpha = true;      // else α is 1
    bool tau = true;        // the paper's temperature; else that of the scale alone
    bool sumLogits = false; // a group is compared by its sum of logits, not of softmaxes

    const void* const* keyColumns = nullptr; // (G, blocksPerHead) blocks of (d, slotsPerBlock)
    const std::int32_t* byAge = nullptr;     // (G, ageStride) live slots, oldest token first; null: in order
    std::int64_t ageStride = 0;

    std::int32_t* chosenComponents = nullptr; // (G, r) ascending
    float* taus = nullptr;                    // (H)
    ReadLogits approximate;                   // what was guessed, of every token
    ReadChoice chosen;                        // k of each head, or all that its query heads see
    float* alphas = nullptr;                  // (H) the approximate mass of what was chosen
    std::int64_t* seenTokens =
        nullptr;              // (H) where there are sights: how many each head sees, as MeanValue wants it
    float* scratch = nullptr; // scratchFloats(…)
};

std::size_t scratchFloats(const SparqChoice& choice);
std::string refusal(const SparqChoice& choice);
// Queues on `stream` and returns; throws as attendAll does.
void chooseSparq(const SparqChoice& choice, Stream stream);

// --- Quest -------------------------------------------------------------------------------------------------

// Truth: questTruth, its choice. Launches boundPages and choosePages. Slots of a page go together, so the list is of
// whole pages but for the last one, which may be short.
struct QuestChoice {
    ReadStep step;  // type is that of the bounds, blocksPerHead the stride of their table
    int page = 16;  // P, slots of a page
    int pages = 64; // n, that of the newest token among them
    int pagesPerBlock = 16;

    const void* const* bounds = nullptr; // (G, blocksPerHead) blocks of (pagesPerBlock, 2, d)
    const std::int32_t* byAge = nullptr; // as SparqChoice's: where the newest token lies
    std::int64_t ageStride = 0;

    float* scores = nullptr;             // (G, stride) what no key of a page exceeds, summed over the group
    std::int64_t stride = 0;             // at least ⌈longest / P⌉
    std::int32_t* chosenPages = nullptr; // (G, n) ascending, each head's first pageCounts[g]
    std::int32_t* pageCounts = nullptr;  // (G)
    ReadChoice chosen;                   // their slots
};

std::string refusal(const QuestChoice& choice);
void chooseQuest(const QuestChoice& choice, Stream stream);

// --- Top-k V -----------------------------------------------------------------------------------------------

// Truth: topvTruth, its choice; addListedValues (attend.h) sums what was chosen. Launches scoreKeys and selectSlots,
// and one more where some slots are met by turned queries.
struct TopvChoice {
    ReadStep step;
    int tokens = 128;  // k
    RowCodes codes;    // of keys that are no floats
    MixedBlocks mixed; // how they lie where some are exact, of the step's type, and others codes

    const void* const* keys = nullptr; // (G, blocksPerHead) blocks of slotsPerBlock rows
    // By queries of their own (attend_turned.h; its scratch is not asked for): the step's sights must be there and hide
    // these slots from all heads, and no other live one.
    TurnedSlots turned;
    ReadLogits exact;         // of every token
    ReadChoice chosen;        // the k heaviest of a group
    float* weights = nullptr; // (H, chosen.most) of what was chosen, in the softmax over all
    float* kept = nullptr;    // (H) what they sum to
    float* scratch = nullptr; // scratchFloats(…)
};

std::size_t scratchFloats(const TopvChoice& choice);
std::string refusal(const TopvChoice& choice);
void chooseTopv(const TopvChoice& choice, Stream stream);

} // namespace fovea::cuda
