#include "app/commands/result_file.h"

#include <filesystem>

#include "app/commands/terminal.h"
#include "core/trace/file_writer.h"

namespace fovea {

void writeResult(std::string_view text, const std::string& file) {
    if (file.empty())
        printResult(text);
    else
        writeFile(file, text);
}

void requireResultFile(const std::string& file) {
    if (!file.empty())
        requireWritable(std::filesystem::absolute(file).parent_path());
}

} // namespace fovea
