#pragma once
// A loaded model: its shape and its weights. Immutable once loaded; shared by everything that runs it.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "core/model/checkpoint_error.h"
#include "core/model/model_spec.h"

namespace fovea {

// Matrices are (out, in) row-major in the checkpoint's type; RoPE rotates component i with i + d/2 (the
// Hugging Face layout; readers of other layouts permute the rows of query and key).
struct LayerWeights {
    at::Tensor attentionNorm;  // (D)
    at::Tensor query;          // (H·d, D)
    at::Tensor key;            // (G·d, D)
    at::Tensor value;          // (G·d, D)
    at::Tensor output;         // (D, H·d)
    at::Tensor ffnNorm;        // (D)
    at::Tensor gate;           // (F, D)
    at::Tensor up;             // (F, D)
    at::Tensor down;           // (D, F)
};

struct Model {
    ModelSpec spec;
    at::Tensor embedding;  // (V, D)
    std::vector<LayerWeights> layers;
    at::Tensor finalNorm;  // (D)
    at::Tensor head;       // (V, D); the embedding itself when tied
};

// A llama2.c `.bin` file or a Hugging Face Llama folder (config.json, model.safetensors). Everything is
// validated against the file's size before anything is allocated. Throws CheckpointError.
std::shared_ptr<const Model> loadModel(const std::filesystem::path& path);

}  // namespace fovea
