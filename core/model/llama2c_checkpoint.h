#pragma once
// The float32 checkpoint of llama2.c (version 0): seven int32 - dim, hidden_dim, n_layers, n_heads,
// n_kv_heads, vocab_size (negative: a classifier of its own follows), seq_len - then all weights, kind by
// kind.

#include <filesystem>
#include <memory>

#include "core/model/model.h"

namespace fovea {

// The spec, from the file's header and length alone. Throws CheckpointError.
ModelSpec readLlama2cHeader(const std::filesystem::path& file);

// The file must be exactly as long as its header says. Throws CheckpointError.
std::shared_ptr<const Model> readLlama2c(const std::filesystem::path& file);

} // namespace fovea
