// Launches append_rows.cuh for one token and append_prompt.cuh for many.

#include "core/kernels/cuda/append_prompt.cuh"

#include <stdexcept>

#include "core/kernels/cuda/append_mixed.h"

namespace fovea::cuda {
namespace {

template <class T>
void launchAppend(const CacheAppend& append, Stream stream) {
    const dim3 heads(static_cast<unsigned>(append.cache.kvHeads * append.batch.count));
    const std::size_t sharedBytes = rowSharedBytes(append.cache.headDim);
    const AppendArguments a{
        {append.cache, partsOf(append.cache)}, append.k, append.v, append.positions, append.batch};
    if (append.tokens == 1 && !append.counts)
        return launch(appendKv<T>, heads, dim3(kRowThreads), sharedBytes, stream, a);

    const int run = append.cache.bounds ? append.cache.page : kRunOfRows;
    const AppendManyArguments many{a, append.tokens, append.texts, append.counts, run};
    const int others =
        append.tokens - 1; // in as many runs as they may touch, wherever the first of them lies
    const int runs = 1 + (others > 0 ? (others - 1) / run + 2 : 0);
    launch(appendRuns<T>, dim3(heads.x, static_cast<unsigned>(runs)), dim3(kRowThreads), sharedBytes, stream,
           many);
    launch(countRuns<T>, heads, dim3(kRowThreads), 0, stream, many);
}

} // namespace

void appendRows(const CacheAppend& append, Stream stream) {
    if (const std::string why = refusal(append); !why.empty())
        throw std::invalid_argument(why);
    if (append.cache.mixed.any())
        return appendMixedRows(append, stream);
    switch (append.cache.type) {
    case ElementType::F32:
        return launchAppend<float>(append, stream);
    case ElementType::F16:
        return launchAppend<__half>(append, stream);
    case ElementType::BF16:
        return launchAppend<__nv_bfloat16>(append, stream);
    }
}

} // namespace fovea::cuda
