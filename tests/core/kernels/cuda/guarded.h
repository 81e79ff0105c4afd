#pragma once
// Memory of a machine with a guard before and behind it, for whatever a kernel may write.

#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/core/kernels/cuda/machine.h"

namespace fovea::cuda {

template <class T>
class Guarded {
public:
    explicit Guarded(const std::vector<T>& values)
        : m_bytes(values.size() * sizeof(T)), m_buffer(m_bytes + 2 * kGuardBytes) {
        std::vector<unsigned char> all(m_bytes + 2 * kGuardBytes, kGuard);
        if (m_bytes > 0)
            std::memcpy(all.data() + kGuardBytes, values.data(), m_bytes);
        m_buffer.write(all.data());
    }

    T* data() const {
        return reinterpret_cast<T*>(static_cast<unsigned char*>(m_buffer.data()) + kGuardBytes);
    }

    // Throws when a guard has been written to.
    std::vector<T> download(const char* name) const {
        std::vector<unsigned char> all(m_bytes + 2 * kGuardBytes);
        m_buffer.read(all.data());
        for (std::size_t i = 0; i < kGuardBytes; ++i)
            if (all[i] != kGuard || all[kGuardBytes + m_bytes + i] != kGuard)
                throw std::runtime_error(std::string("the kernel wrote outside ") + name);
        std::vector<T> values(m_bytes / sizeof(T));
        if (m_bytes > 0)
            std::memcpy(values.data(), all.data() + kGuardBytes, m_bytes);
        return values;
    }

private:
    static constexpr std::size_t kGuardBytes = 256;
    static constexpr unsigned char kGuard = 0xA5;

    std::size_t m_bytes;
    machine::Buffer m_buffer;
};

// NaN for the kernel to write.
inline Guarded<float> unwritten(std::size_t count) {
    return Guarded<float>(std::vector<float>(count, std::numeric_limits<float>::quiet_NaN()));
}

} // namespace fovea::cuda
