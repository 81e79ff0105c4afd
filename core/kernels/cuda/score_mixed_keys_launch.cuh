#pragma once
// Launches the instances of score_mixed_keys.cuh for one kind of rows. A file per store, so that cores compile them side by
// side.

#include "core/kernels/cuda/score_keys_launch.cuh"
#include "core/kernels/cuda/score_mixed_keys.cuh"

namespace fovea::cuda {

// What loaders of mixed rows ask of a step, of a choice's keys.
inline MixedSpan mixedKeysOf(const TopvChoice& choice) {
    const ReadStep& step = choice.step;
    MixedSpan all{};
    all.mixed = choice.mixed;
    all.type = step.type;
    all.span.q = step.q;
    all.span.keys = choice.keys;
    all.span.blocksPerHead = step.blocksPerHead;
    all.span.slots = step.slots;
    all.span.queryScale = step.scale;
    all.span.owners = step.kvHeads;
    all.span.group = all.span.headsPerKvHead = step.group();
    all.span.headDim = step.headDim;
    all.span.slotsPerBlock = step.slotsPerBlock;
    return all;
}

template <class Rows, int kLanes, int kGroup>
void launchMixedKeys(const TopvChoice& choice, Stream stream) {
    const MixedKeyArguments a = {keyArguments(choice), mixedKeysOf(choice)};
    const dim3 grid(static_cast<unsigned>(spansOf(choice.step.longest, kRowSpan)),
                    static_cast<unsigned>(choice.step.kvHeads * choice.step.batch.count),
                    static_cast<unsigned>((a.keys.group + kGroup - 1) / kGroup));
    launch(scoreMixedKeys<Rows, kLanes, kGroup>, grid, dim3(kKeyThreads), mixedKeyBytes<Rows, kGroup>(),
           stream, a);
}

template <class Rows, int kLanes>
void chooseMixedTile(const TopvChoice& choice, Stream stream) {
    const int tile = queryTile(choice.step.group(), false);
    if (tile == 1)
        return launchMixedKeys<Rows, kLanes, 1>(choice, stream);
    if (tile == 4)
        return launchMixedKeys<Rows, kLanes, 4>(choice, stream);
    launchMixedKeys<Rows, kLanes, 8>(choice, stream);
}

template <class Rows>
void launchTurnedMixedKeys(const TopvChoice& choice, Stream stream) {
    TurnedMixedKeyArguments a{};
    a.keys = keyArguments(choice);
    a.all = mixedKeysOf(choice);
    a.all.span.q = choice.turned.q;
    a.slots = choice.turned.slots;
    a.count = choice.turned.count;
    a.heads = choice.step.heads;
    a.spans = static_cast<int>(spansOf(choice.step.longest, kRowSpan));
    launch(scoreTurnedMixedKeys<Rows>, dim3(static_cast<unsigned>(a.heads)), dim3(kKeyThreads),
           turnedMixedBytes<Rows>(), stream, a);
}

// Narrow: Rows of 16 lanes; wide: of a whole warp.
template <class Narrow, class Wide>
void scoreMixedKeysOf(const TopvChoice& choice, Stream stream) {
    if (choice.step.headDim <= 16 * kElements)
        chooseMixedTile<Narrow, 16>(choice, stream);
    else
        chooseMixedTile<Wide, kWarp>(choice, stream);
    if (choice.turned.count > 0)
        launchTurnedMixedKeys<Wide>(choice, stream);
}

} // namespace fovea::cuda
