#pragma once
// Counts the bytes of the spans handed to kernels. It knows no formula. Tasks on several threads count into
// a Traffic of their own and add it when they end.

#include <mutex>
#include <utility>

#include "core/cache/traffic.h"

namespace fovea {

class Ledger {
public:
    void moved(Component component, std::int64_t bytes) {
        const std::lock_guard lock(m_mutex);
        m_traffic[component] += bytes;
    }
    void add(const Traffic& traffic) {
        const std::lock_guard lock(m_mutex);
        m_traffic += traffic;
    }
    // What was counted since the last call.
    Traffic take() {
        const std::lock_guard lock(m_mutex);
        return std::exchange(m_traffic, Traffic{});
    }

private:
    std::mutex m_mutex;
    Traffic m_traffic;
};

} // namespace fovea
