#pragma once
// Where the attention cases run. host_machine.cpp: on the host, in several orders of execution.
// gpu_machine.cpp: on a GPU. An executable links one of the two.

#include <cstddef>
#include <string>
#include <vector>

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda::machine {

// Memory that kernels can reach, freed with the buffer. Aligned to 16 bytes, and no byte larger than asked
// for.
class Buffer {
public:
    explicit Buffer(std::size_t bytes);
    ~Buffer();
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) = delete;

    void write(const void* from);
    void read(void* to) const;
    void* data() const { return m_data; }

private:
    void* m_data = nullptr;
    std::size_t m_bytes = 0;
};

template <class T>
Buffer upload(const std::vector<T>& values) {
    Buffer buffer(values.size() * sizeof(T));
    buffer.write(values.data());
    return buffer;
}

template <class T>
std::vector<T> download(const Buffer& buffer, std::size_t count) {
    std::vector<T> values(count);
    buffer.read(values.data());
    return values;
}

// One way to execute kernels.
struct Execution {
    std::string name;
    Stream stream;
};
const std::vector<Execution>& executions();
// Waits for what was queued, and throws std::runtime_error if it failed.
void finish();

} // namespace fovea::cuda::machine
