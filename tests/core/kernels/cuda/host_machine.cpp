#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "tests/core/kernels/cuda/machine.h"
#include "tests/support/simt/executor.h"

namespace fovea::cuda::machine {

Buffer::Buffer(std::size_t bytes) : m_bytes(bytes) {
    if (posix_memalign(&m_data, 16, bytes) != 0)
        throw std::bad_alloc();
}

Buffer::~Buffer() {
    std::free(m_data);
}

Buffer::Buffer(Buffer&& other) noexcept
    : m_data(std::exchange(other.m_data, nullptr)), m_bytes(other.m_bytes) {}

void Buffer::write(const void* from) {
    std::memcpy(m_data, from, m_bytes);
}

void Buffer::read(void* to) const {
    std::memcpy(to, m_data, m_bytes);
}

const std::vector<Execution>& executions() {
    static simt::Executor forward(simt::Order::Forward);
    static simt::Executor reverse(simt::Order::Reverse);
    static simt::Executor shuffled(simt::Order::Shuffled, 20);
    static const std::vector<Execution> all = {
        {"on the host, forward", &forward},
        {"on the host, reverse", &reverse},
        {"on the host, shuffled", &shuffled},
    };
    return all;
}

void finish() {}

} // namespace fovea::cuda::machine
