#include <algorithm>
#include <cstring>
#include <string>

#include "core/model/huggingface/config.h"
#include "core/model/safetensors.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/model_use.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

bool readSafetensors(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const SafetensorsFile tensors(file.path());
        for (const auto& [name, entry] : tensors.entries()) {
            if (entry.type == c10::ScalarType::Undefined)
                continue;
            const at::Tensor mapped = tensors.map(name), read = tensors.read(name);
            if (read.nbytes() != entry.end - entry.begin || mapped.sizes() != read.sizes() ||
                std::memcmp(mapped.data_ptr(), read.data_ptr(), read.nbytes()) != 0)
                throw Finding("a tensor of other bytes than the file's");
        }
    });
}

bool readHuggingFaceConfig(std::string_view bytes) {
    static const Folder folder; // the spec is named by it
    folder.put("config.json", bytes);
    return accepted([&] { fovea::readHuggingFaceConfig(folder.path() / "config.json"); });
}

bool readHuggingFaceFolder(std::string_view bytes) {
    static const Folder folder;
    const auto config = bytes.find('\0'), index = bytes.find('\0', config + 1);
    if (config == bytes.npos || index == bytes.npos)
        return false;
    folder.clear();
    folder.put("config.json", bytes.substr(0, config));
    std::string_view weights = bytes.substr(index + 1);
    if (index == config + 1) {
        folder.put("model.safetensors", weights);
    } else {
        folder.put("model.safetensors.index.json", bytes.substr(config + 1, index - config - 1));
        const auto half =
            static_cast<std::size_t>(weights.empty() ? 0 : static_cast<unsigned char>(weights.front())) << 4;
        weights.remove_prefix(weights.empty() ? 0 : 1);
        folder.put("a.safetensors", weights.substr(0, half));
        folder.put("b.safetensors", weights.substr(std::min(half, weights.size())));
    }
    return accepted([&] { useModel(folder.path()); });
}

bool readLlama2c(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] { useModel(file.path()); });
}

} // namespace fovea::fuzz
