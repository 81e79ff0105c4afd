#include <ATen/ops/empty.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/model/checked_file.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"

namespace fovea {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestHeader = 100'000'000; // the format's own limit
constexpr std::size_t kMostDimensions = 8;
constexpr const char* kAdvice = "; the file is damaged, copy it again";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what);
}

// A name from the file, short and printable enough for an error of one line.
std::string quoted(const std::string& name) {
    std::string text = "'";
    for (const char c : name.substr(0, 80))
        text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    text += name.size() > 80 ? "…'" : "'";
    return text;
}

std::optional<c10::ScalarType> elementType(const std::string& name) {
    if (name == "F32")
        return at::kFloat;
    if (name == "F16")
        return at::kHalf;
    if (name == "BF16")
        return at::kBFloat16;
    return std::nullopt;
}

std::optional<std::uint64_t> count(const Json& value) {
    if (!value.is_number_unsigned())
        return std::nullopt;
    return value.get<std::uint64_t>();
}

std::string readHeader(const std::filesystem::path& file, std::uint64_t& dataStart) {
    const std::uint64_t size = fileSize(file);
    if (size < 8)
        refuse(file, std::to_string(size) + " bytes are no safetensors file" + kAdvice);
    std::ifstream in(file, std::ios::binary);
    unsigned char raw[8] = {};
    in.read(reinterpret_cast<char*>(raw), 8);
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
        length = length << 8 | raw[i];
    if (length > size - 8)
        refuse(file, "its header claims " + std::to_string(length) + " bytes in a file of " +
                         std::to_string(size) + kAdvice);
    if (length > kLargestHeader || length < 2)
        refuse(file, "a header of " + std::to_string(length) + " bytes makes no sense" + kAdvice);
    std::string header(static_cast<std::size_t>(length), '\0');
    if (!in.read(header.data(), static_cast<std::streamsize>(length)))
        refuse(file, "cannot be read; check its permissions");
    dataStart = 8 + length;
    return header;
}

SafetensorsFile::Entry parseEntry(const std::filesystem::path& file, const std::string& name,
                                  const Json& json, std::uint64_t dataBytes) {
    const std::string what = "tensor " + quoted(name);
    const bool complete = json.is_object() && json.contains("dtype") && json["dtype"].is_string() &&
                          json.contains("shape") && json["shape"].is_array() &&
                          json.contains("data_offsets") && json["data_offsets"].is_array() &&
                          json["data_offsets"].size() == 2;
    if (!complete)
        refuse(file, what + " lacks a dtype, shape or data_offsets" + kAdvice);
    SafetensorsFile::Entry entry;
    const auto type = elementType(json["dtype"].get<std::string>());
    if (!type)
        refuse(file, what + " is of type " + quoted(json["dtype"].get<std::string>()) +
                         "; F32, F16 and BF16 are supported");
    entry.type = *type;
    if (json["shape"].size() > kMostDimensions)
        refuse(file, what + " has " + std::to_string(json["shape"].size()) + " dimensions" + kAdvice);
    auto bytes = static_cast<std::int64_t>(c10::elementSize(*type));
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

SafetensorsFile::SafetensorsFile(std::filesystem::path file) : m_file(std::move(file)) {
    std::uint64_t dataStart = 0;
    const std::string text = readHeader(m_file, dataStart);
    const Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!header.is_object())
        refuse(m_file, std::string("its header is not a JSON object") + kAdvice);
    const std::uint64_t dataBytes = fileSize(m_file) - dataStart;
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

at::Tensor SafetensorsFile::read(const std::string& name) const {
    const auto found = m_entries.find(name);
    if (found == m_entries.end())
        refuse(m_file, "tensor " + quoted(name) + " is missing; this is not a whole Llama checkpoint");
    const Entry& entry = found->second;
    at::Tensor tensor = at::empty(entry.shape, entry.type);
    std::ifstream in(m_file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(entry.begin));
    if (!in.read(static_cast<char*>(tensor.data_ptr()),
                 static_cast<std::streamsize>(entry.end - entry.begin)))
        refuse(m_file, "cannot be read; did it change meanwhile?");
    return tensor;
}

} // namespace fovea
