#pragma once
// How long a block is.

#include <algorithm>
#include <bit>
#include <cstdint>

namespace fovea {

// Slots per block of a cache for `capacity` tokens. A column of the component-major copy is read block by block, one
// short run of memory in each, and memory delivers runs of a page or more nearly twice as fast as runs of 512 bytes.
// So blocks are long, but no longer than a sixteenth of the cache, since a block more than is live may be reserved.
constexpr int slotsPerBlockFor(std::int64_t capacity) {
    constexpr std::int64_t kShortest = 256, kLongest = 2048;
    const auto sixteenth = static_cast<std::uint64_t>(std::max<std::int64_t>(capacity / 16, 1));
    return static_cast<int>(std::clamp(static_cast<std::int64_t>(std::bit_floor(sixteenth)), kShortest, kLongest));
}

} // namespace fovea
