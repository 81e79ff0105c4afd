// Launches norm_rows.cuh, element_steps.cuh and embed_blocks.cuh: checks the limits, and picks the instances.

#include "core/kernels/cuda/model_kernels.h"

#include <stdexcept>

#include "core/kernels/cuda/element_steps.cuh"
#include "core/kernels/cuda/embed_blocks.cuh"
#include "core/kernels/cuda/norm_rows.cuh"

namespace fovea::cuda {
namespace {

template <class Step>
void throwIfRefused(const Step& step) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
}

template <class... Parameters, class... Arguments>
void launchElements(void (*kernel)(Parameters...), std::int64_t elements, Stream stream,
                    Arguments... arguments) {
    const std::int64_t blocks = (elements + kElementThreads - 1) / kElementThreads;
    launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(kElementThreads), 0, stream, arguments...);
}

template <class T, int kThreads>
void launchNorm(const NormRows& step, Stream stream) {
    const NormArguments a{step.gain, step.x, step.y, step.epsilon, step.shift, step.n, step.centred};
    constexpr std::size_t kSumsBytes = (sizeof(float) * kWarps<kThreads> + 15) / 16 * 16;
    launch(normRows<T, kThreads>, dim3(static_cast<unsigned>(step.rows)), dim3(kThreads), 2 * kSumsBytes,
           stream, a);
}

} // namespace

void norm(const NormRows& step, Stream stream) {
    throwIfRefused(step);
    withElement(step.type, [&](auto element) {
        using T = decltype(element);
        step.n <= kNarrowRow ? launchNorm<T, kNarrowThreads>(step, stream)
                             : launchNorm<T, kWideThreads>(step, stream);
    });
}

void add(const AddRows& step, Stream stream) {
    throwIfRefused(step);
    const std::int64_t n = step.rows * step.n;
    withElement(step.type, [&](auto element) {
        using T = decltype(element);
        launchElements(addElements<T>, n, stream, static_cast<const T*>(step.addend), step.y, n,
                       step.perRow ? n : std::int64_t{step.n});
    });
}

void rope(const RopeRows& step, Stream stream) {
    throwIfRefused(step);
    launchElements(turnPairs, step.rows * step.heads * step.pairs, stream, step);
}

void activate(const ActivateRows& step, Stream stream) {
    throwIfRefused(step);
    const auto apply = [&](auto kernel) {
        launchElements(kernel, step.n, stream, step.x, step.times, step.n);
    };
    switch (step.activation) {
    case Activation::Silu:
        return apply(activateElements<Activation::Silu>);
    case Activation::Gelu:
        return apply(activateElements<Activation::Gelu>);
    case Activation::GeluTanh:
        return apply(activateElements<Activation::GeluTanh>);
    case Activation::Relu:
        return apply(activateElements<Activation::Relu>);
    }
    throw std::invalid_argument("unknown activation");
}

void softcap(const SoftcapRows& step, Stream stream) {
    throwIfRefused(step);
    launchElements(capElements, step.n, stream, step.x, step.n, step.cap);
}

namespace {

// Rows of tables of floats.
void embedFloats(const EmbedRows& step, Stream stream) {
    withElement(step.type, [&](auto element) {
        withElement(step.positionType, [&](auto position) {
            launchElements(embedElements<decltype(element), decltype(position)>, step.rows * step.n, stream,
                           step);
        });
    });
}

// Rows of a table of blocks, as what x is or on top of it.
void embedFromBlocks(const EmbedBlocks& step, Stream stream) {
    const std::int64_t units = (step.n + kBlockUnit - 1) / kBlockUnit;
    launchElements(embedBlocks, step.rows * units * kWarp, stream, step);
}

// Its positions' rows alone.
EmbedRows positionsOf(const EmbedRows& step) {
    EmbedRows positions = step;
    positions.type = step.positionType;
    positions.table = step.positionTable;
    positions.vocabulary = step.context;
    positions.tokens = step.positions;
    positions.scale = 1;
    positions.positionTable = nullptr;
    return positions;
}

} // namespace

// A sum of two is the same in either order, so floats go first and blocks are added to them.
void embed(const EmbedRows& step, Stream stream) {
    throwIfRefused(step);
    const bool tokensInBlocks = step.blocks != BlockType::None,
               positionsInBlocks = step.positionTable && step.positionBlocks != BlockType::None;
    if (!tokensInBlocks) {
        EmbedRows floats = step;
        if (positionsInBlocks)
            floats.positionTable = nullptr;
        embedFloats(floats, stream);
    } else if (step.positionTable && !positionsInBlocks) {
        embedFloats(positionsOf(step), stream);
    }
    if (positionsInBlocks)
        embedFromBlocks({step.positionBlocks, step.positionTable, step.context, step.positions, 1,
                         !tokensInBlocks, step.x, step.n, step.rows},
                        stream);
    if (tokensInBlocks)
        embedFromBlocks({step.blocks, step.table, step.vocabulary, step.tokens, step.scale,
                         step.positionTable != nullptr, step.x, step.n, step.rows},
                        stream);
}

} // namespace fovea::cuda
