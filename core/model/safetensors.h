#pragma once
// The safetensors container: an 8-byte little-endian header length, a JSON header naming each tensor's type,
// shape and byte range, then the bytes.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/model/mapped_file.h"

namespace fovea {

// A file whose header has been checked whole: its length against the file, types, shapes against byte ranges,
// and that the ranges fill the file without gap or overlap.
class SafetensorsFile {
public:
    struct Entry {
        c10::ScalarType type = c10::ScalarType::Float; // Undefined where it is none of F32, F16, BF16
        std::string typeName;
        std::vector<std::int64_t> shape;
        std::uint64_t begin = 0, end = 0; // bytes from the start of the file
    };

    // Throws CheckpointError. Nothing but the header is read.
    explicit SafetensorsFile(std::filesystem::path file);

    const std::map<std::string, Entry>& entries() const { return m_entries; }
    // The header's "__metadata__": texts by name, those that are texts.
    const std::map<std::string, std::string>& metadata() const { return m_metadata; }
    const std::filesystem::path& path() const { return m_file; }
    // One of entries() whose type is defined (else CheckpointError): where it lies in the file, not to be
    // written to; pages come from the disk when they are looked at. The tensor keeps the mapping, whatever
    // becomes of this object.
    at::Tensor map(const std::string& name) const;
    // The same in memory of its own.
    at::Tensor read(const std::string& name) const;
    // The same as map(), of one of I32.
    at::Tensor mapIntegers(const std::string& name) const;

private:
    const Entry& floats(const std::string& name) const;
    at::Tensor mapped(const Entry& entry, c10::ScalarType type) const;
    at::Tensor copied(const Entry& entry, c10::ScalarType type) const;

    std::filesystem::path m_file;
    std::shared_ptr<const MappedFile> m_mapped;
    std::map<std::string, Entry> m_entries;
    std::map<std::string, std::string> m_metadata;
};

struct NamedTensor {
    std::string name;
    at::Tensor tensor; // F32, F16, BF16 or I32
};

// Replaces the file all at once; in the order given, with metadata {"format": "pt"} and what else is given.
// Throws std::runtime_error.
void writeSafetensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

} // namespace fovea
