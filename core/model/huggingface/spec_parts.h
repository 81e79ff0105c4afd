#pragma once
// What several architectures say in the same fields.

#include <functional>

#include "core/model/huggingface/config_fields.h"
#include "core/model/huggingface/rope_fields.h"
#include "core/model/model_spec.h"

namespace fovea {

// layers, width, query heads, vocabulary, context.
void readShape(const ConfigFields& config, ModelSpec& spec);
// num_key_value_heads, head_dim: width / heads where there is none; `ownHeadDim` is what the architecture
// takes instead.
void readHeads(const ConfigFields& config, ModelSpec& spec, int ownHeadDim = 0);
// Every head has keys of its own and all of them make up the width.
void readPlainHeads(const ConfigFields& config, ModelSpec& spec);

Activation readActivation(const ConfigFields& config, const char* key, const char* fallback);
// rms_norm_eps, the SwiGLU's width and activation, tie_word_embeddings.
void readGatedBody(const ConfigFields& config, ModelSpec& spec);
// One RoPE of whole heads for all layers; stretches the context.
void readWholeRope(const ConfigFields& config, ModelSpec& spec, const RopeDefaults& defaults = {});
void useRope(const RopeFields& found, ModelSpec& spec);

// layer_types, where it is given, else `slides`: which layers have the window.
void readWindows(const ConfigFields& config, ModelSpec& spec, int window,
                 const std::function<bool(int layer)>& slides);

} // namespace fovea
