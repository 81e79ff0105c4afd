#pragma once
// Coupled Quantisation: channels of one key or value depend on each other, so c of them together need fewer bits than
// c apart. c channels that follow each other are one code of b bits, the number of the nearest of 2^b vectors that
// were learnt from a text; at eight channels and eight bits a number costs one bit.
//
// Paper     Zhang, Yi, Xu, Shrivastava, "KV Cache is 1 Bit Per Channel: Efficient Large Language Model Inference with
//           Coupled Quantization", arXiv 2405.03917 (papers: cq), sections 3.2 and 3.3; "4c8b" is c = 4, b = 8
// Symbols   c channels of a group, b bits of its code, w recent, T tokens cached, L owner layers, G KV heads, d head_dim
// Codebook  2^b centroids in R^c for each owner layer, KV head and group of channels, keys and values apart, by k-means++
//           over a text; with Fisher weights a token's group counts as often as the squares of its gradients sum to
//           (core/calibrate/vector_clusters.h)
// Code      argmin over k of |x − C_k|², the lowest k among equals;  x̂ = C_k
// Keys      before RoPE, like KVQuant's: after it a centroid would have to stand for all positions.
// Recent    The newest min(T, w) tokens are exact, keys and values alike (the paper's fp16 window of 32 or 128).
// Differs   what is no number has no nearest centroid, and takes the first.
// Held      centroids in binary16, which codes are chosen under (RtnScale::Held).
// Defaults  c = 4, b = 8, w = 0: 2 bits per number, the paper's 4c8b.

#include <cstdint>

namespace fovea {

struct CqParams {
    int channels = 4; // c: 1, 2, 4 or 8, a divisor of d
    int bits = 8;     // b: 1..10
    int recent = 0;   // w: 0..kMostRecent

    static constexpr int kMostBits = 10;
    static constexpr int kMostRecent = 4096;

    int centroids() const { return 1 << bits; }
    bool operator==(const CqParams&) const = default;
};

bool cqFits(const CqParams& params, int headDim);

// The newest of `tokens` cached that are exact.
std::int64_t cqExactRows(const CqParams& params, std::int64_t tokens);

// Formula: bytes held of one KV head's keys, and as many of its values: (T − n)·⌈b·(d/c)/8⌉ + n·d·e, n exact rows of e
// bytes per number.
std::int64_t predictCqBytes(const CqParams& params, std::int64_t tokens, int headDim, int exactBytes);
// Formula: numbers in all codebooks, keys' and values', 2·L·G·d·2^b, each in binary16.
std::int64_t predictCqCentroids(const CqParams& params, int layers, int kvHeads, int headDim);
// Bits per number, codebooks aside: b/c, and 16 of what is exact.
double cqBits(const CqParams& params, std::int64_t tokens);

} // namespace fovea
