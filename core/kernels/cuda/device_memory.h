#pragma once
// Memory, streams and time of the GPU, for callers that know nothing of CUDA.
//
// What is queued on a stream happens in order, while the host goes on. C++17, as kernels.h is.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

// The GPU has less memory left than was asked for. what() is one sentence, with both numbers.
class OutOfMemory : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Device memory, aligned to 256 bytes and given back with it. What it holds at first nobody knows.
class DeviceBuffer {
public:
    DeviceBuffer() = default;
    // Throws OutOfMemory, or std::runtime_error where there is no device. No bytes: no memory.
    explicit DeviceBuffer(std::size_t bytes);
    ~DeviceBuffer();
    DeviceBuffer(DeviceBuffer&& other) noexcept
        : m_data(std::exchange(other.m_data, nullptr)), m_bytes(std::exchange(other.m_bytes, 0)) {}
    DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
        std::swap(m_data, other.m_data);
        std::swap(m_bytes, other.m_bytes);
        return *this;
    }

    void* data() const { return m_data; }
    template <class T>
    T* as() const {
        return static_cast<T*>(m_data);
    }
    std::size_t bytes() const { return m_bytes; }

private:
    void* m_data = nullptr;
    std::size_t m_bytes = 0;
};

// Host memory that a GPU copies to while the host goes on: pinned. Where none can be pinned it is ordinary memory, to which a
// download waits until it is there.
class HostBuffer {
public:
    HostBuffer() = default;
    // Throws std::bad_alloc, or std::runtime_error where there is no device. No bytes: no memory.
    explicit HostBuffer(std::size_t bytes);
    ~HostBuffer();
    HostBuffer(HostBuffer&& other) noexcept
        : m_data(std::exchange(other.m_data, nullptr)), m_bytes(std::exchange(other.m_bytes, 0)),
          m_pinned(other.m_pinned) {}
    HostBuffer& operator=(HostBuffer&& other) noexcept {
        std::swap(m_data, other.m_data);
        std::swap(m_bytes, other.m_bytes);
        std::swap(m_pinned, other.m_pinned);
        return *this;
    }

    template <class T>
    T* as() const {
        return static_cast<T*>(m_data);
    }
    std::size_t bytes() const { return m_bytes; }

private:
    void* m_data = nullptr;
    std::size_t m_bytes = 0;
    bool m_pinned = false;
};

// How many buffers were ever taken. Whoever kept addresses, in a graph say, keeps good ones while it stays.
std::uint64_t takenBuffers();
// Bytes of those that are there now.
std::size_t takenBytes();

// A stream of its own.
class OwnStream {
public:
    OwnStream(); // throws std::runtime_error where there is no device
    ~OwnStream();
    OwnStream(const OwnStream&) = delete;
    OwnStream& operator=(const OwnStream&) = delete;

    Stream get() const { return m_stream; }

private:
    Stream m_stream = nullptr;
};

// Queued on `stream`. Host memory that is uploaded may change when this returns, unless it is a HostBuffer's, which must stay
// as it is until the stream was waited for; what is downloaded is there once it was. Throw as launches do.
void upload(void* to, const void* from, std::size_t bytes, Stream stream);
void download(void* to, const void* from, std::size_t bytes, Stream stream);
void copy(void* to, const void* from, std::size_t bytes, Stream stream); // on the device
void clear(void* to, std::size_t bytes, Stream stream);                  // to bytes of 0
// Waits for all that was queued; throws std::runtime_error with what went wrong among it.
void wait(Stream stream);

// Work that is queued once and launched again and again, as one: a CUDA graph. A step is hundreds of kernels, and queueing
// each takes the host longer than a GPU needs for many of them.
class LaunchGraph {
public:
    LaunchGraph() = default;
    ~LaunchGraph();
    LaunchGraph(LaunchGraph&& other) noexcept : m_graph(std::exchange(other.m_graph, nullptr)) {}
    LaunchGraph& operator=(LaunchGraph&& other) noexcept {
        std::swap(m_graph, other.m_graph);
        return *this;
    }

    // What `work` queues is kept, with its arguments, and not done: launches, copies on the device and times, but nothing of
    // the host, and no memory is taken or given back. Throws what it throws, and as launches do.
    static LaunchGraph record(Stream stream, const std::function<void()>& work);

    explicit operator bool() const { return m_graph != nullptr; }
    void launch(Stream stream) const;

private:
    void* m_graph = nullptr;
};

// Time on the device between two places of a stream.
class DeviceTimer {
public:
    DeviceTimer(); // throws std::runtime_error where there is no device
    ~DeviceTimer();
    DeviceTimer(DeviceTimer&& other) noexcept
        : m_begin(std::exchange(other.m_begin, nullptr)), m_end(std::exchange(other.m_end, nullptr)) {}
    DeviceTimer& operator=(DeviceTimer&& other) noexcept {
        std::swap(m_begin, other.m_begin);
        std::swap(m_end, other.m_end);
        return *this;
    }

    void begin(Stream stream);
    void end(Stream stream);
    // Once the stream was waited for: of the last pair, and from where another began to where this one does.
    double seconds() const;
    double beginsAfter(const DeviceTimer& other) const;

private:
    void *m_begin = nullptr, *m_end = nullptr;
};

struct DeviceFacts {
    std::string name; // as the driver has it
    std::size_t memory = 0, freeMemory = 0;
    int multiprocessors = 0;
};
// Of the current device; throws std::runtime_error where there is none.
DeviceFacts deviceFacts();

} // namespace fovea::cuda
