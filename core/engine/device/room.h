#pragma once
// Memory for some number of values, more of which is taken when more are asked for.

#include <cstdint>
#include <utility>
#include <vector>

#include "core/kernels/cuda/device_memory.h"

namespace fovea {

template <class T, class Buffer>
class RoomIn {
public:
    // Place for `count` values at least; what was there is lost where it grows. Throws as the buffer does.
    T* atLeast(std::int64_t count) {
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
        if (m_buffer.bytes() < bytes) {
            m_buffer = {}; // first, so that both need not fit
            m_buffer = Buffer(bytes + bytes / 4);
        }
        return data();
    }
    T* data() const { return m_buffer.template as<T>(); }

private:
    Buffer m_buffer;
};
template <class T>
using Room = RoomIn<T, cuda::DeviceBuffer>;
template <class T>
using HostRoom = RoomIn<T, cuda::HostBuffer>; // that a device copies to

// `least` times as many factors of `growth` as hold `wanted`.
inline std::int64_t grownRoom(std::int64_t least, std::int64_t wanted, int growth) {
    while (least < wanted)
        least *= growth;
    return least;
}

// Queues `values` on their way to `to`. Throws cuda::OutOfMemory.
template <class T>
void put(Room<T>& to, const std::vector<T>& values, cuda::Stream stream) {
    to.atLeast(std::ssize(values));
    cuda::upload(to.data(), values.data(), values.size() * sizeof(T), stream);
}

} // namespace fovea
