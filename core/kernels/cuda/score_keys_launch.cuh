#pragma once
// Launches the instances of score_keys.cuh and score_turned_keys.cuh for one kind of rows. A file for floats, and one for
// codes, so that two cores compile them side by side.

#include "core/kernels/cuda/reads.h"
#include "core/kernels/cuda/score_turned_keys.cuh"

namespace fovea::cuda {

// Each queues what leaves the exact logits of all tokens, and the mass of every span.
void scoreFloatKeys(const TopvChoice& choice, Stream stream);
void scoreCodedKeys(const TopvChoice& choice, Stream stream);
void scoreKiviKeys(const TopvChoice& choice, Stream stream);
void scoreKvquantKeys(const TopvChoice& choice, Stream stream);
void scoreCqKeys(const TopvChoice& choice, Stream stream);

inline KeyArguments keyArguments(const TopvChoice& choice) {
    const ReadStep& step = choice.step;
    KeyArguments a{};
    a.q = step.q;
    a.keys = choice.keys;
    a.blocksPerHead = step.blocksPerHead;
    a.slots = step.slots;
    a.sights = {step.sights, step.positions};
    a.logits = choice.exact.logits;
    a.stride = choice.exact.stride;
    a.spanMass = reinterpret_cast<float2*>(choice.scratch);
    a.scale = step.scale;
    a.softcap = step.softcap;
    a.kvHeads = step.kvHeads;
    a.group = step.group();
    a.headDim = step.headDim;
    a.slotsPerBlock = step.slotsPerBlock;
    a.codes = choice.codes;
    a.batch = step.batch;
    return a;
}

template <class Rows, int kLanes, int kGroup>
void launchKeys(const TopvChoice& choice, Stream stream) {
    const KeyArguments a = keyArguments(choice);
    const dim3 grid(static_cast<unsigned>(spansOf(choice.step.longest, kRowSpan)),
                    static_cast<unsigned>(choice.step.kvHeads * choice.step.batch.count),
                    static_cast<unsigned>((a.group + kGroup - 1) / kGroup));
    launch(scoreKeys<Rows, kLanes, kGroup>, grid, dim3(kKeyThreads), keySharedBytes<kGroup>(), stream, a);
}

// Three tiles are enough: two heads computed in vain cost nothing beside the keys that are read.
template <class Rows, int kLanes>
void chooseTile(const TopvChoice& choice, Stream stream) {
    const int group = choice.step.group();
    if (group == 1)
        return launchKeys<Rows, kLanes, 1>(choice, stream);
    if (group <= 4)
        return launchKeys<Rows, kLanes, 4>(choice, stream);
    launchKeys<Rows, kLanes, 8>(choice, stream);
}

template <class Rows>
void launchTurnedKeys(const TopvChoice& choice, Stream stream) {
    TurnedKeyArguments a{};
    a.keys = keyArguments(choice);
    a.slots = choice.turned.slots;
    a.count = choice.turned.count;
    a.q = choice.turned.q;
    a.heads = choice.step.heads;
    a.spans = static_cast<int>(spansOf(choice.step.longest, kRowSpan));
    const auto blocks = static_cast<unsigned>((a.heads + kTurnedKeyHeads - 1) / kTurnedKeyHeads);
    launch(scoreTurnedKeys<Rows>, dim3(blocks), dim3(kKeyThreads), 0, stream, a);
}

// Lanes of a team: the least that hold a row, but that for rows which are not worth an instance of eight (kNarrow) half of
// a wider team is idle.
template <template <int> class Rows, bool kNarrow>
void scoreKeysOf(const TopvChoice& choice, Stream stream) {
    static_assert(kMaxHeadDim == kWarp * kElements, "a warp holds the widest row");
    const int headDim = choice.step.headDim;
    if (kNarrow && headDim <= 8 * kElements)
        chooseTile<Rows<kNarrow ? 8 : 16>, kNarrow ? 8 : 16>(choice, stream);
    else if (headDim <= 16 * kElements)
        chooseTile<Rows<16>, 16>(choice, stream);
    else
        chooseTile<Rows<kWarp>, kWarp>(choice, stream);
    if (choice.turned.count > 0)
        launchTurnedKeys<Rows<kWarp>>(choice, stream);
}

} // namespace fovea::cuda
