#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"
#include "core/model/safetensors.h"

namespace fovea {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestHeader = 100'000'000; // the format's own limit
constexpr std::size_t kMostDimensions = 8;
constexpr std::string_view kIntegers = "I32"; // the one type of whole numbers that is read
constexpr const char* kAdvice = "; the file is damaged, copy it again";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what);
}

struct FileType {
    std::string_view name;
    std::uint64_t bytes;
    c10::ScalarType type = c10::ScalarType::Undefined;
};
// The whole-byte types of the format. Others than the first three may stand in a file, in buffers that are
// not used.
constexpr std::array kTypes = {FileType{"F32", 4, at::kFloat},
                               FileType{"F16", 2, at::kHalf},
                               FileType{"BF16", 2, at::kBFloat16},
                               FileType{"BOOL", 1},
                               FileType{"U8", 1},
                               FileType{"I8", 1},
                               FileType{"F8_E4M3", 1},
                               FileType{"F8_E5M2", 1},
                               FileType{"U16", 2},
                               FileType{"I16", 2},
                               FileType{"U32", 4},
                               FileType{"I32", 4},
                               FileType{"U64", 8},
                               FileType{"I64", 8},
                               FileType{"F64", 8}};

std::optional<std::uint64_t> count(const Json& value) {
    if (!value.is_number_unsigned())
        return std::nullopt;
    return value.get<std::uint64_t>();
}

std::string readHeader(const std::filesystem::path& file, std::span<const std::byte> bytes,
                       std::uint64_t& dataStart) {
    const std::uint64_t size = bytes.size();
    if (size < 8)
        refuse(file, std::to_string(size) + " bytes are no safetensors file" + kAdvice);
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
        length = length << 8 | std::to_integer<std::uint64_t>(bytes[static_cast<std::size_t>(i)]);
    if (length > size - 8)
        refuse(file, "its header claims " + std::to_string(length) + " bytes in a file of " +
                         std::to_string(size) + kAdvice);
    if (length > kLargestHeader || length < 2)
        refuse(file, "a header of " + std::to_string(length) + " bytes makes no sense" + kAdvice);
    dataStart = 8 + length;
    return {reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(length)};
}

SafetensorsFile::Entry parseEntry(const std::filesystem::path& file, const std::string& name,
                                  const Json& json, std::uint64_t dataBytes) {
    const std::string what = "tensor " + quotedName(name);
    const bool complete = json.is_object() && json.contains("dtype") && json["dtype"].is_string() &&
                          json.contains("shape") && json["shape"].is_array() &&
                          json.contains("data_offsets") && json["data_offsets"].is_array() &&
                          json["data_offsets"].size() == 2;
    if (!complete)
        refuse(file, what + " lacks a dtype, shape or data_offsets" + kAdvice);
    SafetensorsFile::Entry entry;
    entry.typeName = json["dtype"].get<std::string>();
    const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                   [&](const FileType& t) { return t.name == entry.typeName; });
    if (type == kTypes.end())
        refuse(file,
               what + " is of type " + quotedName(entry.typeName) + "; F32, F16 and BF16 are supported");
    entry.type = type->type;
    if (json["shape"].size() > kMostDimensions)
        refuse(file, what + " has " + std::to_string(json["shape"].size()) + " dimensions" + kAdvice);
    auto bytes = static_cast<std::int64_t>(type->bytes);
    bool fits = true;
    for (const Json& dimension : json["shape"]) {
        const auto n = count(dimension);
        if (!n || *n == 0 || *n > static_cast<std::uint64_t>(INT64_MAX))
            refuse(file, what + " has a dimension that is no positive number" + kAdvice);
        entry.shape.push_back(static_cast<std::int64_t>(*n));
        const auto product = checkedProduct(bytes, entry.shape.back());
        fits = fits && product.has_value();
        bytes = product.value_or(bytes);
    }
    const auto begin = count(json["data_offsets"][0]), end = count(json["data_offsets"][1]);
    if (!begin || !end || *begin > *end || *end > dataBytes)
        refuse(file, what + " lies outside the file" + kAdvice);
    if (!fits || static_cast<std::uint64_t>(bytes) != *end - *begin)
        refuse(file, what + " has a shape that does not fit its " + std::to_string(*end - *begin) + " bytes" +
                         kAdvice);
    entry.begin = *begin;
    entry.end = *end;
    return entry;
}

// The format leaves no byte unused and none used twice.
void checkRanges(const std::filesystem::path& file,
                 const std::map<std::string, SafetensorsFile::Entry>& entries, std::uint64_t dataBytes) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const auto& [name, entry] : entries)
        ranges.emplace_back(entry.begin, entry.end);
    std::sort(ranges.begin(), ranges.end());
    std::uint64_t at = 0;
    for (const auto& [begin, end] : ranges) {
        if (begin != at)
            refuse(file, std::string(begin < at ? "two tensors overlap"
                                                : "bytes between two tensors belong to none") +
                             kAdvice);
        at = end;
    }
    if (at != dataBytes)
        refuse(file, std::to_string(dataBytes - at) + " bytes at the end belong to no tensor" + kAdvice);
}

} // namespace

SafetensorsFile::SafetensorsFile(std::filesystem::path file)
    : m_file(std::move(file)), m_mapped(std::make_shared<const MappedFile>(m_file)) {
    std::uint64_t dataStart = 0;
    const std::string text = readHeader(m_file, m_mapped->bytes(), dataStart);
    const Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!header.is_object())
        refuse(m_file, std::string("its header is not a JSON object") + kAdvice);
    const std::uint64_t dataBytes = m_mapped->bytes().size() - dataStart;
    for (const auto& [name, json] : header.items())
        if (name != "__metadata__")
            m_entries.emplace(name, parseEntry(m_file, name, json, dataBytes));
    checkRanges(m_file, m_entries, dataBytes);
    if (const auto metadata = header.find("__metadata__"); metadata != header.end() && metadata->is_object())
        for (const auto& [name, value] : metadata->items())
            if (value.is_string())
                m_metadata.emplace(name, value.get<std::string>());
    for (auto& [name, entry] : m_entries) {
        entry.begin += dataStart;
        entry.end += dataStart;
    }
}

const SafetensorsFile::Entry& SafetensorsFile::floats(const std::string& name) const {
    const auto found = m_entries.find(name);
    if (found == m_entries.end() || found->second.type == c10::ScalarType::Undefined)
        refuse(m_file, "there is no tensor " + quotedName(name) + " of F32, F16 or BF16");
    return found->second;
}

at::Tensor SafetensorsFile::map(const std::string& name) const {
    const Entry& entry = floats(name);
    return mapped(entry, entry.type);
}

at::Tensor SafetensorsFile::read(const std::string& name) const {
    const Entry& entry = floats(name);
    return copied(entry, entry.type);
}

at::Tensor SafetensorsFile::mapIntegers(const std::string& name) const {
    const auto found = m_entries.find(name);
    if (found == m_entries.end() || found->second.typeName != kIntegers)
        refuse(m_file, "there is no tensor " + quotedName(name) + " of I32");
    return mapped(found->second, at::kInt);
}

at::Tensor SafetensorsFile::mapped(const Entry& entry, c10::ScalarType type) const {
    const std::byte* const data = m_mapped->bytes().data() + entry.begin;
    // The format aligns its tensors; a writer that did not gets a copy.
    if (reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(type) != 0)
        return copied(entry, type);
    return at::from_blob(
        const_cast<std::byte*>(data), entry.shape, [mapped = m_mapped](void*) {}, type);
}

at::Tensor SafetensorsFile::copied(const Entry& entry, c10::ScalarType type) const {
    at::Tensor tensor = at::empty(entry.shape, type);
    const std::byte* const data = m_mapped->bytes().data() + entry.begin;
    const std::size_t size = entry.end - entry.begin;
    std::memcpy(tensor.data_ptr(), data, size);
    // What has been copied need not stay in memory twice.
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)),
               address = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t first = (address + page - 1) / page * page, last = (address + size) / page * page;
    if (first < last)
        ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
    return tensor;
}

} // namespace fovea
