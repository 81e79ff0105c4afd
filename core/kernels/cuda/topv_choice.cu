// Top-k V's choice: launches score_keys.cuh, then the selection.

#include <stdexcept>

#include "core/kernels/cuda/score_keys.cuh"
#include "core/kernels/cuda/selection.h"

namespace fovea::cuda {
namespace {

KeyArguments argumentsOf(const TopvChoice& choice) {
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
    a.group = step.group();
    a.headDim = step.headDim;
    a.slotsPerBlock = step.slotsPerBlock;
    return a;
}

template <class T, int kLanes, int kGroup>
void launchKeys(const TopvChoice& choice, Stream stream) {
    const KeyArguments a = argumentsOf(choice);
    const dim3 grid(static_cast<unsigned>(spansOf(choice.step.longest, kRowSpan)),
                    static_cast<unsigned>(choice.step.kvHeads),
                    static_cast<unsigned>((a.group + kGroup - 1) / kGroup));
    launch(scoreKeys<T, kLanes, kGroup>, grid, dim3(kKeyThreads), keySharedBytes<kGroup>(), stream, a);
}

// Three tiles are enough: two heads computed in vain cost nothing beside the keys that are read.
template <class T, int kLanes>
void chooseTile(const TopvChoice& choice, Stream stream) {
    const int group = choice.step.group();
    if (group == 1)
        return launchKeys<T, kLanes, 1>(choice, stream);
    if (group <= 4)
        return launchKeys<T, kLanes, 4>(choice, stream);
    launchKeys<T, kLanes, 8>(choice, stream);
}

template <class T>
void chooseLanes(const TopvChoice& choice, Stream stream) {
    static_assert(kMaxHeadDim == 32 * kElements, "a warp holds the widest row");
    if (choice.step.headDim <= 8 * kElements)
        return chooseTile<T, 8>(choice, stream);
    if (choice.step.headDim <= 16 * kElements)
        return chooseTile<T, 16>(choice, stream);
    chooseTile<T, 32>(choice, stream);
}

void scoreAll(const TopvChoice& choice, Stream stream) {
    switch (choice.step.type) {
    case ElementType::F32:
        return chooseLanes<float>(choice, stream);
    case ElementType::F16:
        return chooseLanes<__half>(choice, stream);
    case ElementType::BF16:
        return chooseLanes<__nv_bfloat16>(choice, stream);
    }
}

} // namespace

void chooseTopv(const TopvChoice& choice, Stream stream) {
    if (const std::string why = refusal(choice); !why.empty())
        throw std::invalid_argument(why);
    scoreAll(choice, stream);

    Selection a = selectionOf(choice.step, choice.exact, choice.chosen, kRowSpan, choice.scratch);
    a.tokens = choice.tokens;
    a.wantsAlpha = true;
    a.alphas = choice.kept;
    a.weights = choice.weights;
    selectBest(a, choice.step.kvHeads, stream);
}

} // namespace fovea::cuda
