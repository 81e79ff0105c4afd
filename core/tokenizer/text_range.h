#pragma once
// Places in a text.

#include <cstddef>
#include <cstdint>

namespace fovea {

// Bytes [begin, end) of the text at hand.
struct Range {
    std::size_t begin = 0, end = 0;
};

// Bytes [begin, end) of the text as it was given; there is one for each byte on the way, so it is small.
// Empty for what stands for nothing of that text, like a space put in front.
struct TextSpan {
    std::uint32_t begin = 0, end = 0;
    bool operator==(const TextSpan&) const = default;
};

} // namespace fovea
