#pragma once
// What a GGUF file's metadata say a model computes, and how its architecture's tensors lie.

#include "core/model/gguf.h"
#include "core/model/model_spec.h"

namespace fovea {

struct GgufSpec {
    ModelSpec spec; // all but its type and parameters, which the weights decide
    // RoPE turns components 2i and 2i + 1 together, so rows of query and key stand in that order.
    bool adjacentPairs = false;
    bool fusedProjections = false; // query, key and value below one another in one matrix
};

// Of general.architecture llama (Mistral and SmolLM too), qwen2, qwen3, gemma2, gemma3, gptneox. Where a file
// leaves out what a published architecture fixes, that value is taken; any other is refused by its key's
// name, as is every key that is not understood. Throws CheckpointError.
GgufSpec readGgufSpec(const GgufFile& file);

} // namespace fovea
