#include "app/window/thread_share.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <thread>

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fovea {

int engineThreads() {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
}

void takeThreadShare(bool modest) {
    at::set_num_threads(engineThreads()); // counts for the calling thread
    // OpenBLAS has threads of its own, which libtorch does not know; idle, they spin on the interface's core.
    using SetThreads = void (*)(int);
    if (const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
        set(engineThreads());
#ifdef __linux__
    // On Linux a nice value belongs to a thread; Qt's thread priorities do nothing there.
    constexpr int kModest = 5;
    const auto thread = static_cast<id_t>(syscall(SYS_gettid));
    if (modest)
        setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + kModest);
#else
    (void)modest;
#endif
}

} // namespace fovea
