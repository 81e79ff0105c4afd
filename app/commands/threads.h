#pragma once
// How many threads kernels use: libtorch starts with one unless told.

namespace fovea {

// Processors this process may run on.
int availableThreads();
// 0: all of them.
void useThreads(int threads);

} // namespace fovea
