#pragma once
// What a GGUF file says about RoPE: rope.freq_base, rope.scaling.*, and Llama 3's table of factors.

#include "core/model/gguf/metadata_fields.h"
#include "core/model/model_spec.h"

namespace fovea {

// rotated: components of a head that turn; context: rope.scaling.original_context_length where there is none.
// Throws CheckpointError.
Rope readGgufRope(const MetadataFields& fields, int rotated, int context);

} // namespace fovea
