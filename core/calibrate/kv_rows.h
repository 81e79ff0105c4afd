#pragma once
// What a model's cache is given over a text: the rows that codebooks of stores are learnt from.
//
// Blocks of the text (text_blocks.h) go through the one forward. Keys are turned back to before RoPE (RoPE turns, and so
// does not change, what a factor of YaRN's makes of them). Gradients are those of the summed loss of a block's next tokens;
// a turn being orthogonal, those of keys turn back with them.

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/calibrate/calibration_progress.h"
#include "core/calibrate/text_blocks.h"

namespace fovea {

struct Model;

struct ModelSpec;

struct KvRowsOptions {
    std::int64_t skip = 0; // the first rows of each block are not wanted
    bool gradients = false;
};

// Of one layer that owns its KV; of one that borrows, undefined. N rows in the order of the text.
struct KvLayerRows {
    at::Tensor keys, values;             // (N, G, d) fp32, keys before RoPE
    at::Tensor keyWeights, valueWeights; // (N, G, d) (∂L/∂x)², or undefined
};

struct KvRows {
    std::vector<KvLayerRows> layers; // (L)
    std::int64_t rows = 0;           // N
};

// Formula: bytes that the rows of one token take, 4·2·L·G·d, and as many again of weights.
std::int64_t predictKvRowBytes(const ModelSpec& spec, const KvRowsOptions& options);

// Learning centroids takes as long as there are rows. KVQuant's authors have as many tokens as these of 512.
inline constexpr std::int64_t kStoreBlocks = 64;
// More rows than this are not collected.
inline constexpr std::int64_t kMostRowBytes = std::int64_t{1} << 30;
// As many of the blocks as there is room for the rows of, at least one.
TextBlocks blocksWithRoom(const TextBlocks& wanted, const ModelSpec& spec, const KvRowsOptions& options);

// blocks (B, n) int64, n > skip, n > 1. Empty when cancelled. Throws std::invalid_argument with one line for blocks of
// which nothing would be left, and for a model whose RoPE changes with the length of the text.
KvRows collectKvRows(const Model& model, const at::Tensor& blocks, const KvRowsOptions& options,
                     const CalibrationProgress& progress, const std::atomic<bool>& cancel);

} // namespace fovea
