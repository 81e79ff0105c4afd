#pragma once
// The GGUF container, versions 2 and 3, little-endian: a header of typed metadata and of tensors' names,
// shapes and places, then the tensors themselves, each aligned. Needs no libtorch.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cache/element_type.h"
#include "core/model/block_type.h"
#include "core/model/mapped_file.h"

namespace fovea {

// As the format numbers them.
enum class GgufValueType : std::uint32_t {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Float32,
    Bool,
    String,
    Array,
    Uint64,
    Int64,
    Float64
};

// Bytes of one value of a number's type; 8 of a string, whose length that is.
int ggufValueBytes(GgufValueType type);

// One metadata value: a place in the file, already checked whole, decoded when asked. Each question has an
// answer or none, when the value is of another kind or does not fit.
class GgufValue {
public:
    // `bytes` is one value of `type`, or the elements of an array of `count` of them.
    GgufValue(GgufValueType type, std::uint64_t count, bool array, std::span<const std::byte> bytes)
        : m_type(type), m_array(array), m_count(count), m_bytes(bytes) {}

    GgufValueType type() const { return m_array ? GgufValueType::Array : m_type; }
    GgufValueType elementType() const { return m_type; } // of an array; else type()
    std::uint64_t count() const { return m_count; }      // of an array; else 1

    std::optional<std::int64_t> integer() const; // any integer type
    std::optional<double> number() const;        // any integer or float type
    std::optional<bool> boolean() const;
    std::optional<std::string_view> string() const; // any bytes, as long as the file lives
    // Arrays.
    std::optional<std::vector<std::string_view>> strings() const;
    std::optional<std::vector<std::int64_t>> integers() const;
    std::optional<std::vector<double>> numbers() const;
    std::optional<std::vector<bool>> booleans() const;

private:
    GgufValueType m_type;
    bool m_array;
    std::uint64_t m_count;
    std::span<const std::byte> m_bytes;
};

struct GgufTensor {
    BlockType blocks = BlockType::None;  // None: plain floats of
    ElementType type = ElementType::F32; // this type
    std::vector<std::int64_t> shape;     // slowest first, as in safetensors: (rows, columns) of a matrix
    std::uint64_t begin = 0, bytes = 0;  // from the start of the file

    std::int64_t columns() const { return shape.back(); }
    std::int64_t weights() const;
    std::string_view typeName() const {
        return blocks == BlockType::None ? elementName(type) : blockShape(blocks).name;
    }
};

// A file whose header has been checked whole: counts and lengths against the file, types, alignment, shapes
// against block sizes, every tensor aligned and in the file, none on another, no name twice.
class GgufFile {
public:
    // Maps the file. Throws CheckpointError.
    explicit GgufFile(const std::filesystem::path& file);
    // Bytes that outlive this; `name` stands in errors. Throws CheckpointError.
    GgufFile(std::filesystem::path name, std::span<const std::byte> bytes);

    const std::filesystem::path& path() const { return m_path; }
    std::uint32_t version() const { return m_version; }
    const std::map<std::string, GgufValue, std::less<>>& metadata() const { return m_metadata; }
    // Nothing where the key is absent.
    const GgufValue* find(std::string_view key) const;
    const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return m_tensors; }

    std::span<const std::byte> bytes(const GgufTensor& tensor) const;
    // What keeps bytes() alive; none where they were handed over.
    const std::shared_ptr<const MappedFile>& mapping() const { return m_mapping; }

    // Throws CheckpointError: the file's name, then `what`, which says what to do.
    [[noreturn]] void refuse(const std::string& what) const;

private:
    void parse();
    void placeTensors(std::uint64_t headerEnd);

    std::filesystem::path m_path;
    std::shared_ptr<const MappedFile> m_mapping;
    std::span<const std::byte> m_bytes;
    std::uint32_t m_version = 0;
    std::map<std::string, GgufValue, std::less<>> m_metadata;
    std::map<std::string, GgufTensor, std::less<>> m_tensors;
};

// Whether a file is GGUF, by its name or its first four bytes: files from a store of blobs have no name that says it.
bool isGguf(const std::filesystem::path& path);

} // namespace fovea
