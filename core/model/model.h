#pragma once
// A loaded model: its shape and its weights. Immutable once loaded; shared by everything that runs it.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "core/model/checkpoint_error.h"
#include "core/model/model_spec.h"
#include "core/model/weight.h"

namespace fovea {

// Matrices are (out, in) row-major as the checkpoint holds them; RoPE rotates component i with i + rotated/2
// (the Hugging Face layout; readers of other layouts permute the rows of query and key). What a model does
// not have is undefined.
struct Linear {
    Weight weight;        // (out, in)
    at::Tensor bias = {}; // (out)
};
struct Gain {
    at::Tensor gain;      // (n)
    at::Tensor bias = {}; // (n), of a LayerNorm
};

struct LayerWeights {
    Gain attentionNorm;       // (D)
    Gain keyValueNorm;        // (D) of key and value, where it is not the query's
    Linear query, key, value; // (H·d, D), (G·d, D), (G·d, D); no key and value where spec.kvSources has another layer's
    Gain queryNorm, keyNorm;  // (d)
    Linear output;            // (D, H·d)
    Gain attentionOutputNorm; // (D)
    Gain ffnNorm;             // (D)
    Linear gate, up, down;    // (F, D), (F, D), (D, F); no gate where the feed-forward is not gated
    Gain ffnOutputNorm;       // (D)
};

struct Model {
    ModelSpec spec;
    Weight embedding; // (V, D)
    Weight positions; // (context, D) of learned positions, row p for position p
    std::vector<LayerWeights> layers;
    Gain finalNorm; // (D)
    Weight head;    // (V, D); the embedding itself when tied
    std::filesystem::path origin = {}; // the file or folder it was read from; empty where it was made here
};

// A llama2.c `.bin` file, a `.gguf` file or a Hugging Face folder (config.json, model.safetensors or its shards).
// Everything is validated against the file's size before anything is allocated. Throws CheckpointError.
std::shared_ptr<const Model> loadModel(const std::filesystem::path& path);

}  // namespace fovea
