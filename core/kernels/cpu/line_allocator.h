#pragma once
// Memory that begins at a cache line. A vector of 64 bytes that lies across two lines is loaded and stored at half the
// pace, and four query heads' sums are stored at every fourth row: attention of a group came a fifth slower without.

#include <cstddef>
#include <new>
#include <utility>
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

// The same, not filled with zeros first: for what is written before it is read.
template <class T>
struct RawLineAllocator : LineAllocator<T> {
    RawLineAllocator() = default;
    template <class U>
    RawLineAllocator(const RawLineAllocator<U>&) {}

    template <class U>
    void construct(U* element) {
        ::new (static_cast<void*>(element)) U;
    }
    template <class U, class... Arguments>
    void construct(U* element, Arguments&&... arguments) {
        ::new (static_cast<void*>(element)) U(std::forward<Arguments>(arguments)...);
    }
};

using LineFloats = std::vector<float, LineAllocator<float>>;

} // namespace fovea::cpu
