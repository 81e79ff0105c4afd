#pragma once
// What a step does between its matrices, on a GPU: embedding rows, norms, RoPE, activations, sums. Activations
// are fp32 and lie row by row, a row per text of a batch or token of a prompt; parameters lie as the checkpoint
// has them. Truth: core/kernels/cpu/kernels.h, whose functions have the same meaning for one row.
//
// All pointers are device memory. Every function queues its work on `stream` and returns; it throws
// std::invalid_argument with refusal()'s sentence, or std::runtime_error when there is no device. C++17.

#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/kernels.h"
#include "core/model/block_type.h"

namespace fovea::cuda {

// y = (x - m) / √(mean((x - m)²) + ε) · (gain + shift), m the row's mean where `centred`, as a layer norm has
// it, and 0 for an RMS norm.
struct NormRows {
    bool centred = false;
    float epsilon = 1e-5f;
    float shift = 0;
    ElementType type = ElementType::F32; // of gain
    const void* gain = nullptr;          // (n)
    const float* x = nullptr;            // (rows, n)
    float* y = nullptr;                  // (rows, n), may be x
    int n = 0;
    std::int64_t rows = 0;
};
std::string refusal(const NormRows& step);
void norm(const NormRows& step, Stream stream);

// y += addend, the same for every row (a bias), or a row for each (a residual).
struct AddRows {
    ElementType type = ElementType::F32; // of addend
    const void* addend = nullptr;        // (n), or (rows, n) where `perRow`
    bool perRow = false;
    float* y = nullptr; // (rows, n)
    int n = 0;
    std::int64_t rows = 0;
};
std::string refusal(const AddRows& step);
void add(const AddRows& step, Stream stream);

// Rotates component i of each head with i + n' among its first 2n' by its row's angles; the others stay.
struct RopeRows {
    float* x = nullptr; // (rows, heads, headDim)
    int heads = 0;
    int headDim = 0;
    int pairs = 0;                 // n', at most headDim/2
    const float* cosine = nullptr; // (rows, n')
    const float* sine = nullptr;   // (rows, n')
    std::int64_t rows = 0;
};
std::string refusal(const RopeRows& step);
void rope(const RopeRows& step, Stream stream);

// The activations of core/model/model_spec.h, whose header is not C++17; in its order.
enum class Activation : std::uint8_t { Silu, Gelu, GeluTanh, Relu };

// x = activation(x), times `times` where it is not null.
struct ActivateRows {
    Activation activation = Activation::Silu;
    float* x = nullptr;           // (n)
    const float* times = nullptr; // (n) or null
    std::int64_t n = 0;           // of all rows together
};
std::string refusal(const ActivateRows& step);
void activate(const ActivateRows& step, Stream stream);

// x = cap·tanh(x/cap), for each of n.
struct SoftcapRows {
    float* x = nullptr;
    std::int64_t n = 0;
    float cap = 0; // above 0
};
std::string refusal(const SoftcapRows& step);
void softcap(const SoftcapRows& step, Stream stream);

// x = table[token]·scale, and positions[position] on top where a model learnt them. A token or position that
// is not in its table, which no host has seen, makes its row NaN.
struct EmbedRows {
    ElementType type = ElementType::F32; // of table
    BlockType blocks = BlockType::None;  // of table where it is not of floats: n is whole blocks
    const void* table = nullptr;         // (vocabulary, n)
    int vocabulary = 0;
    const int* tokens = nullptr; // (rows)
    float scale = 1;

    ElementType positionType = ElementType::F32;
    BlockType positionBlocks = BlockType::None;
    const void* positionTable = nullptr; // (context, n) or null
    int context = 0;
    const int* positions = nullptr; // (rows), where there is a table of them

    float* x = nullptr; // (rows, n)
    int n = 0;
    std::int64_t rows = 0;
};
std::string refusal(const EmbedRows& step);
void embed(const EmbedRows& step, Stream stream);

} // namespace fovea::cuda
