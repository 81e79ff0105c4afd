#pragma once
// How the rows of a made-up cache lie in its blocks, as floats or as codes, written independently of the kernels.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/attend.h"
#include "tests/core/kernels/cuda/machine.h"

namespace fovea {
struct RtnParams;
}

namespace fovea::cuda {

// How rows of codes lie, in the words of the CPU's encoder.
RtnParams paramsOf(const RowCodes& codes);

struct Geometry {
    ElementType type = ElementType::F32;
    int kvHeads = 1; // G
    int group = 1;   // H/G
    int headDim = 64;
    std::int64_t slots = 1;
    int splits = 1;
    int slotsPerBlock = 64;
    RowCodes codes = {};

    std::string text() const;
    std::int64_t blocksPerHead() const { return (slots + slotsPerBlock - 1) / slotsPerBlock; }
    std::int64_t rowBytes() const; // of its elements or codes
};

// What the cache gives back of `values` (d), written to `to`.
void roundRow(const Geometry& g, const float* values, float* to);

// The bytes of a block whose first `live` rows are `rows` (live, d); `behind` as the components, or scales, of the others.
std::vector<unsigned char> blockOfRows(const Geometry& g, const float* rows, std::int64_t live, float behind);

// A block table of every KV head, and the blocks it points to.
struct CaseBlocks {
    std::vector<machine::Buffer> blocks;
    machine::Buffer table;
};
// Row s of KV head g = rows + (g·slots + s)·d while s < live[g], and `behind` in every component, or as its scales, where
// no slot lives.
CaseBlocks uploadRows(const Geometry& g, const std::vector<float>& rows,
                      const std::vector<std::int64_t>& live, float behind);

} // namespace fovea::cuda
