#pragma once
// One function per architecture: config.json to spec. Fields that are absent take the default that
// `transformers` gives them; those that change the mathematics in a way that is not supported are refused by
// their name.

#include "core/model/huggingface/config_fields.h"
#include "core/model/model_spec.h"

namespace fovea {

void readLlama(const ConfigFields& config, ModelSpec& spec);
void readMistral(const ConfigFields& config, ModelSpec& spec);
void readQwen2(const ConfigFields& config, ModelSpec& spec);
void readQwen3(const ConfigFields& config, ModelSpec& spec);
void readGptNeox(const ConfigFields& config, ModelSpec& spec);
void readOpt(const ConfigFields& config, ModelSpec& spec);
void readGemma2(const ConfigFields& config, ModelSpec& spec);
void readGemma3(const ConfigFields& config, ModelSpec& spec);

} // namespace fovea
