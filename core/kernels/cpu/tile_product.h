#pragma once
// A matrix times many vectors, as a prompt needs it, on the machine's tiles of bf16 (AMX): 16 rows times 16 vectors times
// 32 columns in one instruction, summed in fp32.
//
// A float is two bf16 and little more: v = ⌈v⌋ + ⌈v − ⌈v⌋⌋ + δ, |δ| <= 2^-17·|v|, ⌈v⌋ the nearest bf16. So products are
// those of both halves, but for low times low where a weight has one (at most 2^-16 of it), and the sum is fp32's
// within 2^-15·Σ|x·w|: libtorch's own bf16 product rounds x, and y to 2^-9 of it. Rounded activations are whole numbers up
// to 255, of which one bf16 holds all.

#include <cstdint>
#include <functional>
#include <memory>

namespace fovea::cpu {

// Whether this machine has such tiles, and this process may use them.
bool multipliesTiles();

// W (out, in): bf16 where they lie, or rows [first, first + count) as fp32 (count, in) where `bf16` is null.
struct TileRows {
    const std::uint16_t* bf16 = nullptr;
    std::function<void(std::int64_t first, std::int64_t count, float* to)> widen;
};
// x (vectors, in): floats, or X of activations that were rounded (core/methods/quantise/acts.h) where their scales s
// (vectors) are given.
struct TileVectors {
    const float* x = nullptr;
    const float* scales = nullptr;
};

// x as tiles take it, which all matrices share that it is multiplied with.
class TiledVectors;
// x (vectors, in), on libtorch's threads; its scales must outlive what is returned. Only where multipliesTiles().
std::shared_ptr<const TiledVectors> tiledVectors(const TileVectors& x, std::int64_t in, std::int64_t vectors);

// y (vectors, out) = x (vectors, in) · Wᵀ, times s where there are scales, on libtorch's threads.
void tileProduct(const TileRows& w, const TiledVectors& x, float* y, std::int64_t out);

} // namespace fovea::cpu
