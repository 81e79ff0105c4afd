#pragma once
// y = x·Wᵀ of a few vectors on a GPU, as decode steps have it: bound by the bytes of W, so each weight is read
// once for up to eight vectors. Large products of prompts are another matter: gemm.h.
//
// Truth: cpu::multiply (core/kernels/cpu/kernels.h); unpackRtn for packed rows, decodeBlocks for GGUF's blocks. All pointers are device memory.
// C++17.

#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/kernels.h"
#include "core/model/block_type.h"

namespace fovea::cuda {

// One matrix and where its product goes.
struct Product {
    const void* w = nullptr; // (rows, in)
    std::int64_t rows = 0;
    float* y = nullptr; // (vectors, rows)
};

constexpr int kMostProducts = 3; // q, k, v; gate, up
constexpr int kMostVectors = 8;  // that share each load of a weight; of more, W is read once per eight

// Products of the same vectors, in one launch: their matrices are held alike, floats of one type, blocks of one,
// or packed in one form. A vector's y does not depend on what is multiplied beside it.
struct Gemv {
    Product products[kMostProducts] = {};
    int count = 1;
    const float* x = nullptr; // (vectors, in), aligned to 16 bytes as every w is
    std::int64_t in = 0;
    std::int64_t vectors = 1;
};

// Rows of round to nearest as core/methods/quantise/rtn.h packs them: scales in binary16, one per group; zeros;
// codes in the order of code_run.h. Offsets and size are in bytes; rtn_packed_rows.h makes one of RtnParams.
struct PackedRows {
    enum class Zeros : std::uint8_t {
        Middle, // 2^(bits - 1) for every group, and none are held
        Packed, // `bits` bits each, ordered as codes are
        Wide,   // 16 bits each, signed
    };

    int bits = 4;    // 8, 4, 3 or 2
    int group = 128; // 32, 64 or a multiple of 128
    Zeros zeros = Zeros::Packed;
    std::int64_t zerosAt = 0, codesAt = 0, bytes = 0;
};

// Vectors of whole numbers, as round_acts.h makes them of activations: x̂ = s·(code − zero). A unit of 128 codes is two rows
// of 16 words, a word of each for every lane that has eight codes of the weights' unit, in the order of those.
struct WholeVectors {
    unsigned char* codes = nullptr; // (vectors, in/128 whole units, 128), aligned to 16 bytes
    int* zeros = nullptr;           // (vectors), 0 to 255
    float* scales = nullptr;        // (vectors)
};
// Are rows multiplied by such vectors? Of groups below 128, and rows shorter than a unit, x̂ is multiplied as floats.
bool takesWholeVectors(const PackedRows& rows, std::int64_t in);
// Do the words that lanes load lie at multiples of their size, in every row? Of 8 bits x is read in words too.
bool wholeWords(const PackedRows& rows, std::int64_t in);

// Why a launch is not taken, in a sentence; empty when it is.
std::string refusal(const Gemv& step);
std::string refusal(const PackedRows& rows, const Gemv& step);
std::string refusal(BlockType type, const Gemv& step);
std::string refusal(const PackedRows& rows, const WholeVectors& by, const Gemv& step);

// Queues y = x·Wᵀ on `stream` and returns. Throws std::invalid_argument with refusal()'s sentence, or
// std::runtime_error when there is no device. Packed codes that lie at odd places in memory (see kernel) are
// read byte by byte, which is slower and as right.
void gemv(ElementType type, const Gemv& step, Stream stream);
void gemv(const PackedRows& rows, const Gemv& step, Stream stream);
void gemv(BlockType type, const Gemv& step, Stream stream); // GGUF's blocks, as the file has them

// Of whole numbers, whose sums within a group are exact; step.x is x̂, of which what is behind the last unit is read.
void gemv(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream);

} // namespace fovea::cuda
