#pragma once
// The architectures whose Hugging Face folders can be read, as a table: how a config's fields become a spec,
// and where each parameter lies. Nothing past the reader knows their names.

#include <span>
#include <string>
#include <string_view>

#include "core/model/huggingface/config_fields.h"
#include "core/model/model_spec.h"

namespace fovea {

// Names of tensors, without the ".weight" or ".bias" at the end; those of a layer are put behind `layers` and
// the layer's number. Empty: the architecture has none.
struct TensorNames {
    std::string_view embedding, positions, layers, finalNorm, head;
    std::string_view attentionNorm, query, key, value, output, queryNorm, keyNorm, attentionOutputNorm;
    std::string_view ffnNorm, gate, up, down, ffnOutputNorm;
    std::string_view queryKeyValue; // the three in one, head by head: (H, 3, d, D)
};

struct Architecture {
    std::string_view className; // "LlamaForCausalLM"
    std::string_view modelType; // "llama"
    // All of a spec that config.json decides. Throws CheckpointError.
    void (*read)(const ConfigFields& config, ModelSpec& spec);
    const TensorNames& names;
    int unusedPositions = 0; // rows at the start of the table of positions that stand for none
};

std::span<const Architecture> architectures();

} // namespace fovea
