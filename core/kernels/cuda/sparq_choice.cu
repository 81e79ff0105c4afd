// SparQ's choice: launches score_columns.cuh, then the selection.

#include <stdexcept>

#include "core/kernels/cuda/reads.h"
#include "core/kernels/cuda/reads_shape.h"
#include "core/kernels/cuda/score_columns.cuh"
#include "core/kernels/cuda/selection.h"

namespace fovea::cuda {
namespace {

static_assert(kScoreSlots == kColumnSpan, "reads_shape.h sizes the scratch");

ColumnArguments columnsOf(const SparqChoice& choice) {
    const ReadStep& step = choice.step;
    ColumnArguments a{};
    a.q = step.q;
    a.columns = choice.keyColumns;
    a.blocksPerHead = step.blocksPerHead;
    a.slots = step.slots;
    a.sights = {step.sights, step.positions};
    a.logits = choice.approximate.logits;
    a.stride = choice.approximate.stride;
    a.spanMass = reinterpret_cast<float2*>(choice.scratch);
    a.chosenComponents = choice.chosenComponents;
    a.taus = choice.taus;
    a.scale = step.scale;
    a.softcap = step.softcap;
    a.kvHeads = step.kvHeads;
    a.group = step.group();
    a.headDim = step.headDim;
    a.slotsPerBlock = step.slotsPerBlock;
    a.components = choice.components;
    a.tau = choice.tau;
    a.batch = step.batch;
    return a;
}

template <class T, int kGroup>
void launchColumns(const SparqChoice& choice, Stream stream) {
    const ColumnArguments a = columnsOf(choice);
    const dim3 grid(static_cast<unsigned>(spansOf(choice.step.longest, kColumnSpan)),
                    static_cast<unsigned>(choice.step.kvHeads * choice.step.batch.count),
                    static_cast<unsigned>((a.group + kGroup - 1) / kGroup));
    launch(scoreColumns<T, kGroup>, grid, dim3(kScoreThreads),
           columnSharedBytes(a.headDim, a.components, kGroup), stream, a);
}

template <class T>
void chooseTile(const SparqChoice& choice, Stream stream) {
    const int group = choice.step.group();
    if (group == 1)
        return launchColumns<T, 1>(choice, stream);
    if (group == 2)
        return launchColumns<T, 2>(choice, stream);
    if (group <= 4)
        return launchColumns<T, 4>(choice, stream);
    launchColumns<T, 8>(choice, stream);
}

void launchColumns(const SparqChoice& choice, Stream stream) {
    switch (choice.step.type) {
    case ElementType::F32:
        return chooseTile<float>(choice, stream);
    case ElementType::F16:
        return chooseTile<__half>(choice, stream);
    case ElementType::BF16:
        return chooseTile<__nv_bfloat16>(choice, stream);
    }
}

} // namespace

void chooseSparq(const SparqChoice& choice, Stream stream) {
    if (const std::string why = refusal(choice); !why.empty())
        throw std::invalid_argument(why);
    launchColumns(choice, stream);

    Selection a = selectionOf(choice.step, choice.approximate, choice.chosen, kColumnSpan, choice.scratch);
    a.byAge = choice.byAge;
    a.ageStride = choice.ageStride;
    a.tokens = choice.tokens;
    a.local = choice.local;
    a.sumLogits = choice.sumLogits;
    a.wantsAlpha = choice.alpha;
    a.alphas = choice.alphas;
    a.seenTokens = choice.seenTokens;
    a.bitWords = choice.byAge ? bitWordsOf(choice.step.longest) : 0;
    selectBest(a, stream);
}

} // namespace fovea::cuda
