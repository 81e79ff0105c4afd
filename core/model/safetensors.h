#pragma once
// The safetensors container: an 8-byte little-endian header length, a JSON header naming each tensor's type,
// shape and byte range, then the bytes.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fovea {

// All tensors of the file, contiguous, in their own type (F32, F16, BF16; others are refused). The header is
// checked whole - length against the file, shapes against byte ranges, ranges against each other - before any
// tensor is allocated. Throws CheckpointError.
std::map<std::string, at::Tensor> readSafetensors(const std::filesystem::path& file);

struct NamedTensor {
    std::string name;
    at::Tensor tensor;  // F32, F16 or BF16
};

// Replaces the file all at once; in the order given, with metadata {"format": "pt"}. Throws std::runtime_error.
void writeSafetensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors);

}  // namespace fovea
