#pragma once
// Memory of a machine with a guard before and behind it, for whatever a kernel may write.

#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/core/kernels/cuda/machine.h"

namespace fovea::cuda {

// `count` values for a kernel to write. Unless told they are NaN, or in integers 1: what is read before it was written, by a
// kernel without one of its barriers, is then wrong and still an index.
template <class T>
class Guarded {
public:
    explicit Guarded(std::size_t count, T poison = poisoned()) : Guarded(std::vector<T>(count, poison)) {}
    explicit Guarded(const std::vector<T>& values)
        : m_bytes(values.size() * sizeof(T)), m_buffer(m_bytes + 2 * kGuardBytes) {
        write(values);
    }

    T* data() const {
        return reinterpret_cast<T*>(static_cast<unsigned char*>(m_buffer.data()) + kGuardBytes);
    }
    // As many as there are.
    void write(const std::vector<T>& values) {
        std::vector<unsigned char> all(m_bytes + 2 * kGuardBytes, kGuard);
        if (m_bytes > 0)
            std::memcpy(all.data() + kGuardBytes, values.data(), m_bytes);
        m_buffer.write(all.data());
    }
    // Throws where a guard is not as it was.
    std::vector<T> read(const char* name) const {
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
    static constexpr T poisoned() {
        return std::is_floating_point_v<T> ? std::numeric_limits<T>::quiet_NaN() : T{1};
    }

    std::size_t m_bytes;
    machine::Buffer m_buffer;
};

} // namespace fovea::cuda
