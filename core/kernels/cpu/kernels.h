#pragma once
// The CPU kernels: Google Highway with run-time dispatch, raw pointers and sizes. Decode is bound by memory, so
// each kernel is one pass over what its method must read. Inner loops work on contiguous spans of one block;
// attention.h puts them together and counts.

#include <cstdint>
#include <span>

#include "core/cache/element_type.h"
#include "core/methods/quantise/acts.h"
#include "core/methods/quantise/rtn.h"
#include "core/model/block_type.h"
#include "core/model/model_spec.h"

namespace fovea::cpu {

// A matrix (rows, columns) as it lies: floats, GGUF blocks, or packed rows with as many scales and zeros as a row has
// groups (core/methods/quantise/rtn.h).
struct StoredMatrix {
    const void* data = nullptr;
    std::int64_t rows = 0;
    ElementType type = ElementType::F32; // of floats
    BlockType blocks = BlockType::None;  // columns are a multiple of a block's weights
    const RtnParams* rtn = nullptr;      // of packed rows
};
// y (vectors, rows) = x (vectors, columns) · Wᵀ
struct Product {
    StoredMatrix w;
    float* y = nullptr;
};
// Products of the same vectors x (vectors, in), at most kMostProducts: each weight is read once for all vectors, x is made
// ready once for all matrices, and the rows of all of them are split over threads as if they were one matrix. A vector's y
// does not depend on what is multiplied beside it. With `acts` the vectors are rounded first, each by itself
// (core/methods/quantise/acts.h).
inline constexpr int kMostProducts = 3;
void multiply(std::span<const Product> products, const float* x, std::int64_t in, std::int64_t vectors,
              const ActGrid* acts = nullptr);
// The same of one matrix of each kind.
void gemv(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors = 1);
void gemv(BlockType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors = 1);
void gemv(const RtnParams& rtn, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors = 1);
// x (vectors, n) rounded as `grid` says: X, whole numbers as floats (vectors, n), and s of each vector; x̂ = X·s. Of a
// vector with a number that is not finite X is 0 and s NaN. X may be x.
void roundActs(const ActGrid& grid, const float* x, float* whole, float* scales, std::int64_t n,
               std::int64_t vectors);

struct NormShape {
    Norm norm = Norm::Rms;
    float epsilon = 1e-5f;
    float shift = 0; // added to every gain
};
// y = (x - m) / √(mean((x - m)²) + ε) * (gain + shift), m the mean of x for a layer norm and 0 for an RMS
// norm; gain (n) of `type`. y may be x.
void norm(const NormShape& shape, ElementType type, const void* gain, const float* x, float* y,
          std::int64_t n);
// y (n) += addend (n) of `type`
void add(ElementType type, const void* addend, float* y, std::int64_t n);
// heads (n, d): rotates component i with i + n' among the first 2n' by the angle whose cosine and sine are
// given, n' of each; what is beyond them stays.
void rope(float* heads, int n, int d, std::span<const float> cosine, std::span<const float> sine);
// x (n) = activation(x), times `times` (n) where it is not null
void activate(Activation activation, float* x, const float* times, std::int64_t n);
// x (n) = c·tanh(x/c)
void softcap(float* x, std::int64_t n, float cap);
// dst (n) of `type` = src (n), round to nearest even.
void convert(ElementType type, const float* src, void* dst, std::int64_t n);
// dst (n) fp32 = src (n) of `type`.
void widen(ElementType type, const void* src, float* dst, std::int64_t n);
// The same of blocks; n a multiple of a block's weights.
void widen(BlockType type, const void* src, float* dst, std::int64_t n);
// The same of packed rows of `columns` values each.
void widen(const RtnParams& rtn, const void* src, float* dst, std::int64_t rows, std::int64_t columns);

// dst (rows, columns) = codes of `bits` bits in runs of `columns` (core/methods/quantise/code_run.h), as whole numbers.
void widenCodes(int bits, const void* src, float* dst, std::int64_t rows, std::int64_t columns);

// The instruction set that dispatch chose, "AVX3", "AVX2", …
const char* instructionSet();

}  // namespace fovea::cpu
