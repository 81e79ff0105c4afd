// What can be said of a choice of tokens without a GPU: scratch, and why it cannot be launched.

#include "core/kernels/cuda/sampling.h"
#include "core/kernels/cuda/sampling_slices.h"

namespace fovea::cuda {
namespace {

constexpr int kMaxRows = 65535; // a grid's second dimension

} // namespace

std::size_t scratchBytes(const ChooseTokens& step) {
    const auto rows = static_cast<std::size_t>(step.rows);
    const std::size_t slices = rows * static_cast<std::size_t>(slicesOf(step.vocabulary));
    const std::size_t masses =
        step.temperature > 0 && !step.given ? rows * static_cast<std::size_t>(step.vocabulary) : 0;
    return masses * sizeof(std::uint64_t) + (step.surprises ? slices * sizeof(double) : 0) +
           slices * sizeof(Peak);
}

std::string sizesRefused(const ChooseTokens& step) {
    if (step.vocabulary < 1 || step.vocabulary > kMostVocabulary)
        return "tokens are chosen among 1 to " + std::to_string(kMostVocabulary) + ", got " +
               std::to_string(step.vocabulary);
    if (step.rows < 1 || step.rows > kMaxRows)
        return "tokens are chosen for 1 to " + std::to_string(kMaxRows) + " texts, got " +
               std::to_string(step.rows);
    return "";
}

std::string refusal(const ChooseTokens& step) {
    if (std::string why = sizesRefused(step); !why.empty())
        return why;
    if (!step.logits || !step.tokens || !step.scratch || (step.temperature > 0 && !step.given && !step.draws))
        return "choosing tokens needs logits, tokens, scratch, and draws above temperature 0";
    if (reinterpret_cast<std::uintptr_t>(step.scratch) % 16 != 0)
        return "choosing tokens needs scratch aligned to 16 bytes";
    return "";
}

} // namespace fovea::cuda
