#pragma once
// How fast this machine can read: the limit that a memory-bound kernel is held against.

#include <cstdint>
#include <memory>

namespace fovea {

// Memory in huge pages where there are any, as the cache's own is, so that the limit is no easier than the task.
struct FreeAligned {
    void operator()(void* memory) const;
};
using AlignedMemory = std::unique_ptr<unsigned char[], FreeAligned>;
// Throws std::bad_alloc. The memory is not initialised.
AlignedMemory alignedMemory(std::int64_t bytes);

// Sums `bytes` (a multiple of 4096) as 32-bit integers on all of libtorch's threads: each byte is read once and
// nothing is written, which is the least a kernel that must see every byte can do.
std::uint32_t sumOf(const void* memory, std::int64_t bytes);

} // namespace fovea
