#pragma once
// What a model's cache is given over a text: the rows that codebooks of stores are learnt from.
//
// The text is read in windows that each follow a BOS, through the one forward. Keys are turned back to before RoPE
// (RoPE turns, and so does not change, what a factor of YaRN's makes of them). Gradients are those of the summed loss of
// the window's next tokens; a turn being orthogonal, those of keys turn back with them.

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace fovea {

struct Model;

struct KvRowsOptions {
    std::int64_t tokens = 16384; // at most, of the text; the windows lie evenly in it
    std::int64_t window = 512;   // tokens of one, its BOS included; at most the model's context
    std::int64_t skip = 0;       // the first rows of each window are not wanted
    bool gradients = false;
};

// Of one layer that owns its KV; of one that borrows, undefined. N rows in the order of the text.
struct KvLayerRows {
    at::Tensor keys, values;             // (N, G, d) fp32, keys before RoPE
    at::Tensor keyWeights, valueWeights; // (N, G, d) (∂L/∂x)², or undefined
};

struct KvRows {
    std::vector<KvLayerRows> layers; // (L)
    std::int64_t windows = 0, window = 0, rows = 0;
};

// Called after each window: how many of all are done.
using CalibrationProgress = std::function<void(std::int64_t done, std::int64_t all)>;

// `bos` −1: none. Fewer tokens than asked for are read where the text has no more, or where their rows would take more
// than 1 GiB. Empty when cancelled. Throws std::invalid_argument with one line for a text of less than two tokens, a
// window of which nothing would be left, and a model whose RoPE changes with the length of the text.
KvRows collectKvRows(const Model& model, std::span<const int> text, int bos, const KvRowsOptions& options,
                     const CalibrationProgress& progress, const std::atomic<bool>& cancel);

} // namespace fovea
