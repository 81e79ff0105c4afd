#pragma once
// Products y = x·Wᵀ with made-up weights, run on a machine, and their answers in double precision from the rows as
// they are held.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/gemm.h"
#include "tests/core/kernels/cuda/acts_case.h"

namespace fovea::cuda {

// How weights are rounded; not at all where bits is 0.
struct PackedAs {
    int bits = 0;
    int group = 128;
    PackedRows::Zeros zeros = PackedRows::Zeros::Packed;
};

// Which kernels multiply: those of a few vectors, or of many, floats on matrix units or not.
enum class MultipliedBy { Gemv, Gemm, OrdinaryGemm };

struct GemvCase {
    ElementType type = ElementType::F32; // of floats
    PackedAs packed = {};
    std::vector<std::int64_t> rows = {1}; // of each matrix
    std::int64_t in = 1;
    std::int64_t vectors = 1;
    std::vector<float> x = {}; // (vectors, in); made up where empty
    MultipliedBy by = MultipliedBy::Gemv;
    BlockType blocks = BlockType::None; // of weights that are blocks
    RoundedAs acts = {};                // whole numbers, where rows take them

    std::vector<float> inputs() const;
    // y of one matrix after the other, (vectors, rows) each. Behind weights and inputs lies what is NaN as a float;
    // throws if the kernel writes outside a y.
    std::vector<float> run(Stream stream) const;
    // The largest difference from the truth, by the sum of the sizes of what was added up.
    double worstError(const std::vector<float>& y) const;
    // Bytes of all matrices.
    std::int64_t weightBytes() const;
    std::string text() const;
    bool isFloats() const { return packed.bits == 0 && blocks == BlockType::None; }
};

} // namespace fovea::cuda
