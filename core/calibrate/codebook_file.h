#pragma once
// Codebooks in a file of their own beside the model: safetensors, all of F32, for each layer N that owns its KV
//
//     kvquant   layers.N.keys.offset, .range (G, d);  layers.N.keys|values.levels, .read (2^b)
//     cq        layers.N.keys|values.centroids (G, d/c, 2^b, c)
//
// and in the metadata the store's text and where the codebooks come from (CodebookOrigin).

#include <filesystem>

#include "core/calibrate/store_codebooks.h"

namespace fovea {

// Of what makes keys and values: the model's shape, and the first rows of each owner's projections. Against accidents,
// not against intent.
std::uint64_t modelFingerprint(const Model& model);

// Where they are looked for: in the model's folder, or beside its file. The name says the store's parameters:
// "kvquant-bits2.codebooks.safetensors".
std::filesystem::path codebooksPath(const std::filesystem::path& model, const LearntStore& store);

// Replaces the file all at once. Throws std::runtime_error with one line.
void writeCodebooks(const std::filesystem::path& file, const StoreCodebooks& books);

// Everything is validated, the model's fingerprint too, before a tensor is read; numbers must be finite, levels ascend,
// ranges be above 0. Throws CheckpointError.
StoreCodebooks readCodebooks(const std::filesystem::path& file, const Model& model);

} // namespace fovea
