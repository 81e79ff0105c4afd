#pragma once
// Timing on the GPU: work is queued on a stream again and again, and taken between two events of that stream, so that
// nothing of the host's own time is in it but what the queue runs dry for.

#include <cstddef>
#include <functional>
#include <vector>

#include "core/engine/samples.h"
#include "core/kernels/cuda/device_memory.h"

namespace fovea {

// Of one call, in seconds.
struct DeviceTime {
    double median = 0, spread = 0, fastest = 0; // spread: interquartile range
};

// Samples are seconds per call; each lasts 2 ms at least.
class DeviceWork {
public:
    // `queue` queues it once on `stream`. Runs it to warm what it uses, and to learn how long it takes.
    DeviceWork(std::function<void()> queue, cuda::Stream stream);
    void sample();
    // Of each of `parts` things that a call consists of.
    DeviceTime time(double parts = 1) const;

private:
    double secondsOf(int calls);

    std::function<void()> m_queue;
    cuda::Stream m_stream;
    cuda::DeviceTimer m_timer;
    int m_calls = 1;
    Samples m_samples;
};

// The limit: half of `bytes` copied to the other half. What is read and what is written both count.
class DeviceCopy {
public:
    explicit DeviceCopy(std::int64_t bytes)
        : m_half(static_cast<std::size_t>(bytes) / 2), m_memory(2 * m_half) {}

    std::int64_t bytes() const { return static_cast<std::int64_t>(2 * m_half); }
    void queue(cuda::Stream stream) const {
        cuda::copy(m_memory.as<std::byte>() + m_half, m_memory.data(), m_half, stream);
    }

private:
    std::size_t m_half;
    cuda::DeviceBuffer m_memory;
};

// Samples all of them in turn (A B C A B C …), so that a device that slows down slows all of them.
void sampleInTurn(std::vector<DeviceWork>& works, int rounds);

} // namespace fovea
