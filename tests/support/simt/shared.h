#pragma once
// Shared memory for kernels on the host. Each array knows its bounds, and every access is checked against
// them: on a GPU a write past one array lands in the next, unseen.

#include <cstddef>
#include <string>

#include "tests/support/simt/block.h"
#include "tests/support/simt/site.h"

namespace fovea::simt {

// An index, and the place in the kernel where it was used.
struct Index {
    std::ptrdiff_t value;
    Site site;

    template <class Integer>
    constexpr Index(Integer i, Site here = Site::here())
        : value(static_cast<std::ptrdiff_t>(i)), site(here) {}
};

template <class T>
class Shared {
public:
    Shared() = default;
    Shared(T* first, std::ptrdiff_t count) : m_first(first), m_count(count) {}

    T& operator[](Index index) const {
        if (index.value < 0 || index.value >= m_count)
            Block::running().fail("index " + std::to_string(index.value) + " into a shared array of " +
                                      std::to_string(m_count),
                                  index.site);
        return m_first[index.value];
    }

private:
    T* m_first = nullptr;
    std::ptrdiff_t m_count = 0;
};

// A block's shared memory, from which each thread takes the same arrays in the same order.
class SharedMemory {
public:
    SharedMemory(unsigned char* begin, std::size_t bytes) : m_next(begin), m_left(bytes) {}

    template <class T>
    Shared<T> take(int count, Site site = Site::here()) {
        const std::size_t needed = sizeof(T) * static_cast<std::size_t>(count);
        if (needed > m_left)
            Block::running().fail("an array of " + std::to_string(needed) + " bytes where " +
                                      std::to_string(m_left) + " bytes of shared memory are left",
                                  site);
        T* first = reinterpret_cast<T*>(m_next);
        const std::size_t used = (needed + 15) / 16 * 16;
        m_next += used < m_left ? used : m_left;
        m_left -= used < m_left ? used : m_left;
        return Shared<T>(first, count);
    }

private:
    unsigned char* m_next;
    std::size_t m_left;
};

}  // namespace fovea::simt
