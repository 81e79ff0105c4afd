#include "app/window/thread_share.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fovea {

namespace {

// 0: all cores.
std::atomic<int> g_threads{0};
std::atomic<bool> g_leaveCore{true};

} // namespace

int engineThreads() {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const int most = std::max(1, g_leaveCore ? cores - 1 : cores);
    const int chosen = g_threads;
    return chosen > 0 ? std::min(chosen, most) : most;
}

void chooseEngineThreads(int threads, bool leaveCore) {
    g_threads = threads;
    g_leaveCore = leaveCore;
}

void followThreadShare() {
    thread_local int followed = 0;
    const int threads = engineThreads();
    if (std::exchange(followed, threads) == threads)
        return;
    at::set_num_threads(threads); // counts for the calling thread
    // OpenBLAS has threads of its own, which libtorch does not know; idle, they spin on the interface's core.
    using SetThreads = void (*)(int);
    if (const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
        set(threads);
}

void takeThreadShare(bool modest) {
    followThreadShare();
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
