// Launches append_mixed.cuh.

#include "core/kernels/cuda/append_mixed.cuh"

#include "core/kernels/cuda/append_mixed.h"
#include "core/kernels/cuda/cq_coder.cuh"
#include "core/kernels/cuda/kivi_coder.cuh"
#include "core/kernels/cuda/kvquant_coder.cuh"

namespace fovea::cuda {
namespace {

template <class T, class Coder>
void launchCoder(const CacheAppend& append, Stream stream) {
    const AppendArguments a{{append.cache, {}}, append.k, append.v, append.positions, append.batch};
    launch(appendMixed<T, Coder>, dim3(static_cast<unsigned>(append.cache.kvHeads * append.batch.count)),
           dim3(kRowThreads), codeSharedBytes(append.cache.headDim), stream, a);
}

template <class T>
void chooseCoder(const CacheAppend& append, Stream stream) {
    switch (append.cache.mixed.kind) {
    case MixedKind::Kivi:
        return launchCoder<T, KiviCoder>(append, stream);
    case MixedKind::Kvquant:
        return launchCoder<T, KvquantCoder>(append, stream);
    case MixedKind::Cq:
        return launchCoder<T, CqCoder>(append, stream);
    case MixedKind::None:
        break;
    }
}

} // namespace

void appendMixedRows(const CacheAppend& append, Stream stream) {
    switch (append.cache.type) {
    case ElementType::F32:
        return chooseCoder<float>(append, stream);
    case ElementType::F16:
        return chooseCoder<__half>(append, stream);
    case ElementType::BF16:
        return chooseCoder<__nv_bfloat16>(append, stream);
    }
}

} // namespace fovea::cuda
