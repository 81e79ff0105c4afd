#include "core/model/checked_file.h"

#include <fstream>
#include <limits>
#include <system_error>

#include "core/model/checkpoint_error.h"
#include "core/trace/file_writer.h"

namespace fovea {

std::optional<std::int64_t> checkedProduct(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &result))
        return std::nullopt;
    return result;
}

std::optional<std::int64_t> checkedSum(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (a < 0 || b < 0 || __builtin_add_overflow(a, b, &result))
        return std::nullopt;
    return result;
}

std::uint64_t fileSize(const std::filesystem::path& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (status.type() == std::filesystem::file_type::not_found)
        throw CheckpointError(file.string() + ": no such file; check the path");
    if (error || status.type() != std::filesystem::file_type::regular)
        throw CheckpointError(file.string() + ": not a regular file; name a model's file or folder");
    const auto size = std::filesystem::file_size(file, error);
    if (error)
        throw CheckpointError(file.string() + ": cannot be read: " + error.message());
    return size;
}

std::string readFile(const std::filesystem::path& file, std::uint64_t limit) {
    const std::uint64_t size = fileSize(file);
    if (size > limit)
        throw CheckpointError(file.string() + ": " + std::to_string(size) + " bytes where at most " +
                              std::to_string(limit) + " make sense; this is not the file it should be");
    std::ifstream in(file, std::ios::binary);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    if (!in || !in.read(bytes.data(), static_cast<std::streamsize>(size)))
        throw CheckpointError(file.string() + ": cannot be read; check its permissions");
    return bytes;
}

void writeFileAtomically(const std::filesystem::path& file, std::span<const std::string_view> parts) {
    writeFile(file, parts);
}

void writeFileAtomically(const std::filesystem::path& file, std::string_view bytes) {
    writeFile(file, bytes);
}

} // namespace fovea
