#pragma once
// A result that may go to a file in place of stdout.

#include <string>
#include <string_view>

namespace fovea {

// To `file`, whole or not at all; to stdout where it is empty. Throws ExportError.
void writeResult(std::string_view text, const std::string& file);
// Before the work: throws ExportError where the file's folder takes none.
void requireResultFile(const std::string& file);

} // namespace fovea
