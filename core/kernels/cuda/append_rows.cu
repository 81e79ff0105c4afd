// Launches append_rows.cuh.

#include "core/kernels/cuda/append_rows.cuh"

#include <stdexcept>

namespace fovea::cuda {
namespace {

template <class T>
void launchAppend(const CacheAppend& append, Stream stream) {
    const AppendArguments a{{append.cache, partsOf(append.cache)}, append.k, append.v, append.positions};
    launch(appendKv<T>, dim3(static_cast<unsigned>(append.cache.kvHeads)), dim3(kRowThreads),
           rowSharedBytes(append.cache.headDim), stream, a);
}

} // namespace

void appendRows(const CacheAppend& append, Stream stream) {
    if (const std::string why = refusal(append); !why.empty())
        throw std::invalid_argument(why);
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
