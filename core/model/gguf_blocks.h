#pragma once
// What the blocks of GGUF's types mean, weight by weight: the truth of the kernels that multiply by blocks as
// they are (core/kernels/cpu/gemv_blocks.cpp).
//
// d, m, D, M are binary16, all numbers little-endian; weight i of a block, code q_i:
//   q4_0  d q[16]               i < 16: low four bits of byte i, else high four of byte i − 16; w = d(q − 8)
//   q4_1  d m q[16]             w = d·q + m
//   q5_0  d h[4] q[16]          bit i of h is the fifth bit of q_i; w = d(q − 16)
//   q5_1  d m h[4] q[16]        w = d·q + m
//   q8_0  d q[32]               signed bytes; w = d·q
// and in blocks of 256, whose groups of 16 or 32 weights have scales s (and minima m) of their own:
//   q2_K  s|m[16] q[64] D M     groups of 16: low four bits s, high four m; w = D·s·q − M·m
//   q3_K  h[32] q[64] s[12] D   groups of 16, s of 6 bits less 32, third bits in h; w = D·s(q − 4)
//   q4_K  D M s|m[12] q[128]    groups of 32, s and m of 6 bits; w = D·s·q − M·m
//   q5_K  D M s|m[12] h[32] q[128]  the same, fifth bits in h
//   q6_K  q[128] h[64] s[16] D  groups of 16, s signed bytes, fifth and sixth bits in h; w = D·s(q − 32)
// Where within a block of 256 a code's bits stand: core/model/gguf_blocks.cpp.
// Format: ggml, docs/gguf.md and its quantisation types as published with it.

#include <cstdint>

#include "core/model/block_type.h"

namespace fovea {

// values (n) of the blocks of n weights; n a multiple of the type's. Blocks may stand at
// any address.
void decodeBlocks(BlockType type, const void* blocks, float* values, std::int64_t n);

// The other way, for finite values below 2^15 in size. q4_0 to q8_0 round as files found in the wild were
// rounded: q8_0 half away from zero, the others down after adding a half. The K types take each group's
// extremes, without the search for a smaller error that a quantiser would make.
void encodeBlocks(BlockType type, const float* values, void* blocks, std::int64_t n);

} // namespace fovea
