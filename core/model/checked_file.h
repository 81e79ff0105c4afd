#pragma once
// Reading files that may lie: bounded reads, checked arithmetic, atomic writes.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fovea {

// a·b or a+b, or nothing when the result does not fit or an operand is negative.
std::optional<std::int64_t> checkedProduct(std::int64_t a, std::int64_t b);
std::optional<std::int64_t> checkedSum(std::int64_t a, std::int64_t b);

// Size of a regular file. Throws CheckpointError when there is none or it cannot be read.
std::uint64_t fileSize(const std::filesystem::path& file);

// The whole file, at most `limit` bytes. Throws CheckpointError.
std::string readFile(const std::filesystem::path& file, std::uint64_t limit);

// Replaces `file` by `parts`, one after the other: all of it or nothing, whatever happens. Throws
// std::runtime_error with one line.
void writeFileAtomically(const std::filesystem::path& file, std::span<const std::string_view> parts);
void writeFileAtomically(const std::filesystem::path& file, std::string_view bytes);

} // namespace fovea
