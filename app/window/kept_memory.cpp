#include "app/window/kept_memory.h"

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>

#include <climits>
#endif

namespace fovea {

void keepFreedMemory() {
#ifdef __GLIBC__
    constexpr int kLargestKept = 1 << 30;
    mallopt(M_MMAP_THRESHOLD, kLargestKept);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

} // namespace fovea
