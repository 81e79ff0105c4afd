#pragma once
// The tensors of a folder, wherever they lie: in model.safetensors, or in the shards that
// model.safetensors.index.json names.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/model/safetensors.h"

namespace fovea {

class FolderTensors {
public:
    // Checks every header, and that index and shards say the same. Throws CheckpointError.
    explicit FolderTensors(const std::filesystem::path& folder);

    // The file that holds it; null when there is none.
    const SafetensorsFile* fileOf(const std::string& name) const;
    // Of all tensors.
    const std::map<std::string, const SafetensorsFile*, std::less<>>& files() const { return m_fileOf; }
    // model.safetensors or the index, for errors about all of them.
    const std::filesystem::path& path() const { return m_path; }

private:
    void openOne(const std::filesystem::path& file);
    void openShards();

    std::filesystem::path m_path;
    std::vector<std::unique_ptr<SafetensorsFile>> m_files;
    std::map<std::string, const SafetensorsFile*, std::less<>> m_fileOf;
};

} // namespace fovea
