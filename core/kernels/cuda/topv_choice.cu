// Top-k V's choice: launches score_keys.cuh over keys that are floats, or has it done over codes and mixed rows, then the
// selection.

#include <stdexcept>

#include "core/kernels/cuda/float_rows.cuh"
#include "core/kernels/cuda/score_keys_launch.cuh"
#include "core/kernels/cuda/selection.h"

namespace fovea::cuda {
namespace {

template <int kLanes>
using F32Rows = FloatRows<float, kLanes>;
template <int kLanes>
using F16Rows = FloatRows<__half, kLanes>;
template <int kLanes>
using BF16Rows = FloatRows<__nv_bfloat16, kLanes>;

} // namespace

void scoreFloatKeys(const TopvChoice& choice, Stream stream) {
    switch (choice.step.type) {
    case ElementType::F32:
        return scoreKeysOf<F32Rows, true>(choice, stream);
    case ElementType::F16:
        return scoreKeysOf<F16Rows, true>(choice, stream);
    case ElementType::BF16:
        return scoreKeysOf<BF16Rows, true>(choice, stream);
    }
}

namespace {

void scoreAnyKeys(const TopvChoice& choice, Stream stream) {
    switch (choice.mixed.kind) {
    case MixedKind::None:
        return choice.codes.bits != 0 ? scoreCodedKeys(choice, stream) : scoreFloatKeys(choice, stream);
    case MixedKind::Kivi:
        return scoreKiviKeys(choice, stream);
    case MixedKind::Kvquant:
        return scoreKvquantKeys(choice, stream);
    case MixedKind::Cq:
        return scoreCqKeys(choice, stream);
    }
}

} // namespace

void chooseTopv(const TopvChoice& choice, Stream stream) {
    if (const std::string why = refusal(choice); !why.empty())
        throw std::invalid_argument(why);
    scoreAnyKeys(choice, stream);

    Selection a = selectionOf(choice.step, choice.exact, choice.chosen, kRowSpan, choice.scratch);
    if (choice.turned.count > 0)
        a.sights = nullptr; // what these hide has its logits now
    a.tokens = choice.tokens;
    a.wantsAlpha = true;
    a.alphas = choice.kept;
    a.weights = choice.weights;
    selectBest(a, stream);
}

} // namespace fovea::cuda
