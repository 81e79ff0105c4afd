#pragma once
// How a config.json says that a folder's matrices are rounded: "quantization_config" with quant_method gptq, the format
// that GPTQ's users write and that many programs read.

#include <optional>

#include "core/methods/quantise/rtn.h"
#include "core/model/huggingface/config_fields.h"

namespace fovea {

struct GptqFormat {
    int bits = 4;
    int group = 128;          // values of a row that share a scale; 0: the whole row
    bool zerosLessOne = true; // version 1 holds z − 1, version 2 z
    // Rows of `columns` values as they are packed here.
    RtnParams rows(std::int64_t columns) const;
};

// Nothing where the folder holds floats. Throws CheckpointError for what is not understood.
std::optional<GptqFormat> readGptqFormat(const ConfigFields& config);

} // namespace fovea
