#pragma once
// Memory that begins at a cache line. A vector of 64 bytes that lies across two lines is loaded and stored at half the
// pace, and four query heads' sums are stored at every fourth row: attention of a group came a fifth slower without.

#include <cstddef>
#include <new>
#include <vector>

namespace fovea::cpu {

template <class T>
struct LineAllocator {
    using value_type = T;
    static constexpr std::align_val_t kLine{64};

    LineAllocator() = default;
    template <class U>
    LineAllocator(const LineAllocator<U>&) {}

    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kLine)); }
    void deallocate(T* memory, std::size_t) { ::operator delete(memory, kLine); }
    bool operator==(const LineAllocator&) const { return true; }
};

using LineFloats = std::vector<float, LineAllocator<float>>;

} // namespace fovea::cpu
