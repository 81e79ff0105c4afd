#pragma once
// How a piece of text becomes tokens, whatever the algorithm.

#include <cstdint>
#include <string_view>
#include <vector>

namespace fovea {

// A token and the bytes [begin, end) that it covers.
struct Cut {
    int id = -1;
    std::uint32_t begin = 0, end = 0;
};

class Segmentation {
public:
    virtual ~Segmentation() = default;
    // Appends the tokens of `text`, their places counted from its start.
    virtual void cut(std::string_view text, std::vector<Cut>& cuts) const = 0;
};

// "<0x41>" -> 0x41, anything else -> -1. How vocabularies with byte fallback spell their byte pieces.
int bytePieceValue(std::string_view piece);

} // namespace fovea
