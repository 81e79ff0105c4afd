#pragma once
// The block types of GGUF: a row of a matrix is a sequence of blocks, each a few scales and the codes of 32
// or 256 weights. How a block is laid out stands in core/model/gguf_blocks.h.

#include <cstdint>
#include <string_view>

namespace fovea {

enum class BlockType : std::uint8_t {
    None, // plain floats
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K
};

// Weights of one block; 0 of None.
constexpr int blockWeights(BlockType type) {
    return type == BlockType::None ? 0 : type >= BlockType::Q2_K ? 256 : 32;
}

// Bytes of one block; 0 of None.
constexpr int blockBytes(BlockType type) {
    switch (type) {
    case BlockType::None:
        return 0;
    case BlockType::Q4_0:
        return 2 + 16; // scale, 32 codes of 4 bits
    case BlockType::Q4_1:
        return 2 + 2 + 16; // scale, minimum, codes
    case BlockType::Q5_0:
        return 2 + 4 + 16; // scale, fifth bits, low four bits
    case BlockType::Q5_1:
        return 2 + 2 + 4 + 16;
    case BlockType::Q8_0:
        return 2 + 32;
    case BlockType::Q2_K:
        return 16 + 64 + 2 + 2; // scales and minima of 16 weights, codes, two super-scales
    case BlockType::Q3_K:
        return 32 + 64 + 12 + 2; // third bits, low two bits, scales of 16 weights in 6 bits, super-scale
    case BlockType::Q4_K:
        return 2 + 2 + 12 + 128; // two super-scales, scales and minima of 32 weights in 6 bits, codes
    case BlockType::Q5_K:
        return 2 + 2 + 12 + 32 + 128;
    case BlockType::Q6_K:
        return 128 + 64 + 16 + 2; // low four bits, high two, scales of 16 weights in 8 bits, super-scale
    }
    return 0;
}

// Bytes of a row of `columns` weights, a multiple of blockWeights.
constexpr std::int64_t blockRowBytes(BlockType type, std::int64_t columns) {
    return type == BlockType::None ? 0 : columns / blockWeights(type) * blockBytes(type);
}

constexpr std::string_view blockName(BlockType type) {
    switch (type) {
    case BlockType::None:
        return "none";
    case BlockType::Q4_0:
        return "q4_0";
    case BlockType::Q4_1:
        return "q4_1";
    case BlockType::Q5_0:
        return "q5_0";
    case BlockType::Q5_1:
        return "q5_1";
    case BlockType::Q8_0:
        return "q8_0";
    case BlockType::Q2_K:
        return "q2_K";
    case BlockType::Q3_K:
        return "q3_K";
    case BlockType::Q4_K:
        return "q4_K";
    case BlockType::Q5_K:
        return "q5_K";
    case BlockType::Q6_K:
        return "q6_K";
    }
    return "";
}

inline constexpr BlockType kBlockTypes[] = {
    BlockType::Q4_0, BlockType::Q4_1, BlockType::Q5_0, BlockType::Q5_1, BlockType::Q8_0,
    BlockType::Q2_K, BlockType::Q3_K, BlockType::Q4_K, BlockType::Q5_K, BlockType::Q6_K};

} // namespace fovea
