#include "app/commands/default_model.h"

#include <system_error>

namespace fovea {

namespace {
constexpr const char* kStarter = "fovea-starter";
}

std::filesystem::path defaultModel() {
    std::error_code ignored;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const auto installed = program.parent_path().parent_path() / "share/fovea/models" / kStarter;
    if (!program.empty() && std::filesystem::is_directory(installed, ignored))
        return installed;
    return std::filesystem::path(FOVEA_SOURCE_DIR) / "assets/models" / kStarter;
}

} // namespace fovea
