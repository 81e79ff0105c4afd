#include "core/model/huggingface/shards.h"

#include <nlohmann/json.hpp>
#include <system_error>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"

namespace fovea {

namespace {

using Json = nlohmann::json;
using Index = std::map<std::string, std::string>; // tensor -> file

constexpr std::uint64_t kLargestIndex = 100'000'000;
constexpr std::size_t kMostShards = 1000;
constexpr const char* kAdvice = "; copy the model's files again";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what + kAdvice);
}

// A file of the folder itself and nothing else, whatever the index says.
bool isPlainName(const std::string& name) {
    const bool clean = name.find_first_of("/\\") == std::string::npos && name.front() != '.';
    return clean && name.ends_with(".safetensors") && quotedName(name) == "'" + name + "'";
}

Index readIndex(const std::filesystem::path& file) {
    const Json json = Json::parse(readFile(file, kLargestIndex), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object() ||
        json["weight_map"].empty())
        refuse(file, "no JSON object with a weight_map");
    Index index;
    for (const auto& [tensor, shard] : json["weight_map"].items()) {
        if (!shard.is_string() || shard.get<std::string>().empty() || !isPlainName(shard.get<std::string>()))
            refuse(file, "tensor " + quotedName(tensor) + " is in " +
                             quotedName(shard.is_string() ? shard.get<std::string>() : shard.dump()) +
                             ", which is no .safetensors file beside it");
        index.emplace(tensor, shard.get<std::string>());
    }
    return index;
}

// "-00002-of-00005.safetensors" at the end -> "-of-00005.safetensors"; empty where a name has no such end.
std::string countPart(const std::string& name) {
    const auto at = name.rfind("-of-");
    return at == std::string::npos ? std::string() : name.substr(at);
}

// A shard of the same count that the index leaves out.
void refuseUnlisted(const std::filesystem::path& index,
                    const std::map<std::string, const SafetensorsFile*>& shards) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(index.parent_path(), error)) {
        const std::string name = entry.path().filename().string(), part = countPart(name);
        if (part.empty() || shards.contains(name) || !name.ends_with(".safetensors"))
            continue;
        const std::string before = name.substr(0, name.find('-'));
        for (const auto& [listed, file] : shards)
            if (countPart(listed) == part && listed.substr(0, listed.find('-')) == before)
                refuse(index, "shard " + quotedName(name) + " lies in the folder and is not in the index");
    }
}

} // namespace

FolderTensors::FolderTensors(const std::filesystem::path& folder) : m_path(folder / "model.safetensors") {
    const std::filesystem::path index = folder / "model.safetensors.index.json";
    std::error_code error;
    if (std::filesystem::exists(m_path, error) || !std::filesystem::exists(index, error)) {
        openOne(m_path);
    } else {
        m_path = index;
        openShards();
    }
}

void FolderTensors::openOne(const std::filesystem::path& file) {
    m_files.push_back(std::make_unique<SafetensorsFile>(file));
    for (const auto& [name, entry] : m_files.back()->entries())
        m_fileOf.emplace(name, m_files.back().get());
}

void FolderTensors::openShards() {
    const Index index = readIndex(m_path);
    std::map<std::string, const SafetensorsFile*> shards;
    for (const auto& [tensor, shard] : index)
        shards.emplace(shard, nullptr);
    if (shards.size() > kMostShards)
        refuse(m_path, std::to_string(shards.size()) + " shards make no sense");
    for (auto& [shard, file] : shards) {
        m_files.push_back(std::make_unique<SafetensorsFile>(m_path.parent_path() / shard));
        file = m_files.back().get();
        for (const auto& [tensor, entry] : file->entries()) {
            const auto listed = index.find(tensor);
            if (listed == index.end())
                refuse(m_path, "tensor " + quotedName(tensor) + " of " + shard + " is not in the index");
            if (listed->second != shard)
                refuse(m_path, "tensor " + quotedName(tensor) + " is in " + shard + " as well as in " +
                                   listed->second);
            m_fileOf.emplace(tensor, file);
        }
    }
    for (const auto& [tensor, shard] : index)
        if (!m_fileOf.contains(tensor))
            refuse(m_path,
                   "tensor " + quotedName(tensor) + " is not in " + shard + ", where the index says it is");
    refuseUnlisted(m_path, shards);
}

const SafetensorsFile* FolderTensors::fileOf(const std::string& name) const {
    const auto found = m_fileOf.find(name);
    return found == m_fileOf.end() ? nullptr : found->second;
}

} // namespace fovea
