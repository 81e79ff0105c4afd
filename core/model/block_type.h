#pragma once
// The block types of GGUF files: a row of a matrix is a run of blocks, each a few scales and the codes of 32
// or 256 weights. Names and sizes are those of the format; what stands in a block is told in
// core/model/gguf_blocks.h.

#include <cstdint>
#include <string_view>

namespace fovea {

enum class BlockType : std::uint8_t { None, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K };

struct BlockShape {
    std::string_view name;
    int elements = 0; // of a block
    int bytes = 0;
};

constexpr BlockShape blockShape(BlockType type) {
    switch (type) {
    case BlockType::None:
        break;
    case BlockType::Q4_0:
        return {"Q4_0", 32, 18};
    case BlockType::Q4_1:
        return {"Q4_1", 32, 20};
    case BlockType::Q5_0:
        return {"Q5_0", 32, 22};
    case BlockType::Q5_1:
        return {"Q5_1", 32, 24};
    case BlockType::Q8_0:
        return {"Q8_0", 32, 34};
    case BlockType::Q2_K:
        return {"Q2_K", 256, 84};
    case BlockType::Q3_K:
        return {"Q3_K", 256, 110};
    case BlockType::Q4_K:
        return {"Q4_K", 256, 144};
    case BlockType::Q5_K:
        return {"Q5_K", 256, 176};
    case BlockType::Q6_K:
        return {"Q6_K", 256, 210};
    }
    return {};
}

// Bytes of `weights` weights, a multiple of a block's.
constexpr std::int64_t blockRowBytes(BlockType type, std::int64_t weights) {
    const BlockShape shape = blockShape(type);
    return shape.elements == 0 ? 0 : weights / shape.elements * shape.bytes;
}

inline constexpr BlockType kBlockTypes[] = {
    BlockType::Q4_0, BlockType::Q4_1, BlockType::Q5_0, BlockType::Q5_1, BlockType::Q8_0,
    BlockType::Q2_K, BlockType::Q3_K, BlockType::Q4_K, BlockType::Q5_K, BlockType::Q6_K};

} // namespace fovea
