#pragma once
// Launches append_mixed.cuh: what appendRows does where rows are mixed.

#include "core/kernels/cuda/cache_writes.h"

namespace fovea::cuda {

void appendMixedRows(const CacheAppend& append, Stream stream);

} // namespace fovea::cuda
