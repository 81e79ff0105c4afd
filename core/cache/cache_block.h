#pragma once
// Memory of one block of a cache: slotsPerBlock rows, or as many entries of every column.

#include <cstddef>
#include <memory_resource>
#include <utility>

namespace fovea {

class CacheBlock {
public:
    // A cache line, and the widest vector register.
    static constexpr std::size_t kAlignment = 64;

    CacheBlock(std::pmr::memory_resource* memory, std::size_t bytes)
        : m_memory(memory), m_bytes(bytes), m_data(memory->allocate(bytes, kAlignment)) {}
    ~CacheBlock() {
        if (m_data)
            m_memory->deallocate(m_data, m_bytes, kAlignment);
    }
    CacheBlock(CacheBlock&& other) noexcept
        : m_memory(other.m_memory), m_bytes(other.m_bytes), m_data(std::exchange(other.m_data, nullptr)) {}
    CacheBlock& operator=(CacheBlock&& other) noexcept {
        std::swap(m_memory, other.m_memory);
        std::swap(m_bytes, other.m_bytes);
        std::swap(m_data, other.m_data);
        return *this;
    }

    const void* data() const { return m_data; }

private:
    std::pmr::memory_resource* m_memory;
    std::size_t m_bytes;
    void* m_data;
};

} // namespace fovea
