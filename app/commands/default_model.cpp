#include "app/commands/default_model.h"

#include <system_error>

namespace fovea {

namespace {

std::filesystem::path bundled(const std::filesystem::path& name) {
    std::error_code ignored;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const auto installed = program.parent_path().parent_path() / "share/fovea" / name;
    if (!program.empty() && std::filesystem::exists(installed, ignored))
        return installed;
    return std::filesystem::path(FOVEA_SOURCE_DIR) / "assets" / name;
}

} // namespace

std::filesystem::path defaultModel() {
    return bundled("models/fovea-starter");
}

std::filesystem::path defaultText() {
    return bundled("texts/evaluation.txt");
}

} // namespace fovea
