// What can be said of a step between matrices without a GPU: why it cannot be launched.

#include <cmath>

#include "core/kernels/cuda/model_kernels.h"

namespace fovea::cuda {
namespace {

// Elements of the largest launch; a grid's x dimension has 2^31 - 1 blocks of 256 threads.
constexpr std::int64_t kMostElements = std::int64_t{1} << 38;
constexpr std::int64_t kMostRows = 0x7fffffff; // one block each

std::string refuseSize(const char* what, std::int64_t rows, std::int64_t n) {
    if (n < 1 || rows < 1 || rows > kMostRows || n > kMostElements / rows)
        return std::string(what) + " needs rows and elements, up to 2^31 and 2^38, got " +
               std::to_string(rows) + " rows of " + std::to_string(n);
    return "";
}

std::string refuseNull(const char* what, bool missing) {
    return missing ? std::string(what) + " lacks one of its arrays" : "";
}

// The first that is not empty.
std::string firstOf(const std::string& a, const std::string& b) {
    return a.empty() ? b : a;
}

} // namespace

std::string refusal(const NormRows& step) {
    return firstOf(refuseSize("a norm", step.rows, step.n),
                   refuseNull("a norm", !step.gain || !step.x || !step.y));
}

std::string refusal(const AddRows& step) {
    return firstOf(refuseSize("an addition", step.rows, step.n),
                   refuseNull("an addition", !step.addend || !step.y));
}

std::string refusal(const RopeRows& step) {
    if (step.heads < 1 || step.pairs < 1 || step.pairs > step.headDim / 2)
        return "RoPE needs heads and up to half a head's width of pairs, got " + std::to_string(step.heads) +
               " heads of " + std::to_string(step.headDim) + " with " + std::to_string(step.pairs);
    const std::int64_t width = std::int64_t{step.heads} * step.headDim;
    return firstOf(refuseSize("RoPE", step.rows, width),
                   refuseNull("RoPE", !step.x || !step.cosine || !step.sine));
}

std::string refusal(const ActivateRows& step) {
    return firstOf(refuseSize("an activation", 1, step.n), refuseNull("an activation", !step.x));
}

std::string refusal(const SoftcapRows& step) {
    if (!(step.cap > 0) || !std::isfinite(step.cap))
        return "a soft-cap needs a cap above 0, got " + std::to_string(step.cap);
    return firstOf(refuseSize("a soft-cap", 1, step.n), refuseNull("a soft-cap", !step.x));
}

std::string refusal(const EmbedRows& step) {
    if (step.vocabulary < 1 || (step.positionTable && step.context < 1))
        return "an embedding needs rows in its tables, got " + std::to_string(step.vocabulary) +
               " tokens and " + std::to_string(step.context) + " positions";
    for (const BlockType type : {step.blocks, step.positionTable ? step.positionBlocks : BlockType::None})
        if (const int weights = blockShape(type).elements; weights > 0 && step.n % weights != 0)
            return "rows of blocks are whole ones, got an embedding of " + std::to_string(step.n) +
                   " columns in blocks of " + std::to_string(weights);
    return firstOf(refuseSize("an embedding", step.rows, step.n),
                   refuseNull("an embedding", !step.table || !step.tokens || !step.x ||
                                                  (step.positionTable && !step.positions)));
}

} // namespace fovea::cuda
