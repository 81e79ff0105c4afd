#include "core/engine/one_blas_thread.h"

#include <dlfcn.h>

#include <mutex>

namespace fovea {

namespace {

// Found at run time, for libtorch may have been built with another BLAS.
template <class Function>
Function find(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

// The number is the process's own: the first one in remembers it, the last one out sets it back.
std::mutex g_mutex;
int g_living = 0, g_before = 0;

void setThreads(int threads) {
    if (const auto set = find<void (*)(int)>("openblas_set_num_threads"))
        set(threads);
}

} // namespace

OneBlasThread::OneBlasThread() {
    const std::lock_guard lock(g_mutex);
    if (g_living++ > 0)
        return;
    const auto get = find<int (*)()>("openblas_get_num_threads");
    g_before = get ? get() : 1;
    if (g_before > 1)
        setThreads(1);
}

OneBlasThread::~OneBlasThread() {
    const std::lock_guard lock(g_mutex);
    if (--g_living == 0 && g_before > 1)
        setThreads(g_before);
}

} // namespace fovea
