// Launches hear_read.cuh and drop_rows.cuh.

#include "core/kernels/cuda/evictions.h"

#include <stdexcept>

#include "core/kernels/cuda/drop_rows.cuh"
#include "core/kernels/cuda/hear_read.cuh"
#include "core/kernels/cuda/reads_shape.h"

namespace fovea::cuda {
namespace {

template <class T>
void launchDrop(const DropLowest& drop, Stream stream) {
    DropArguments a{};
    a.to = {drop.cache, partsOf(drop.cache)};
    a.scores = drop.scores;
    a.budget = drop.budget;
    a.recent = drop.recent;
    a.stay = drop.stay;
    a.window = drop.window;
    a.scratch = drop.scratch;
    a.counts = drop.counts;
    a.bitWords = bitWordsOf(drop.cache.slots.capacity);
    launch(dropRows<T>, dim3(static_cast<unsigned>(drop.cache.kvHeads)), dim3(kDropThreads),
           dropSharedBytes(drop.cache.headDim, a.bitWords), stream, a);
}

} // namespace

void hearRead(const HeardRead& heard, Stream stream) {
    if (const std::string why = refusal(heard); !why.empty())
        throw std::invalid_argument(why);
    launch(hearWeights, dim3(static_cast<unsigned>(heard.kvHeads)), dim3(kHearThreads),
           hearSharedBytes(heard.group), stream, heard);
}

void dropLowest(const DropLowest& drop, Stream stream) {
    if (const std::string why = refusal(drop); !why.empty())
        throw std::invalid_argument(why);
    switch (drop.cache.type) {
    case ElementType::F32:
        return launchDrop<float>(drop, stream);
    case ElementType::F16:
        return launchDrop<__half>(drop, stream);
    case ElementType::BF16:
        return launchDrop<__nv_bfloat16>(drop, stream);
    }
}

} // namespace fovea::cuda
