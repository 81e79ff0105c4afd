#include <stdlib.h>

#include <fstream>
#include <system_error>

#include "core/model/huggingface/config.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

// Made once, for the readers that want a folder; its files are replaced by every input.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "fovea-fuzz-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error(name + ": cannot be made");
        m_path = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void put(const char* file, std::string_view bytes) const {
        std::filesystem::remove(m_path / file); // a new one: the last may still be mapped
        std::ofstream out(m_path / file, std::ios::binary);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!out.flush())
            throw std::runtime_error((m_path / file).string() + ": cannot be written");
    }
    const std::filesystem::path& path() const { return m_path; }

private:
    std::filesystem::path m_path;
};

void requireWhole(const Model& model) {
    if (model.spec.layers != static_cast<int>(model.layers.size()))
        throw Finding("a model without the layers that its shape has");
}

} // namespace

bool readSafetensors(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const SafetensorsFile tensors(file.path());
        for (const auto& [name, entry] : tensors.entries())
            if (tensors.read(name).nbytes() != entry.end - entry.begin)
                throw Finding("a tensor of another size than its bytes");
    });
}

bool readHuggingFaceConfig(std::string_view bytes) {
    static const Folder folder; // the spec is named by it
    folder.put("config.json", bytes);
    return accepted([&] { fovea::readHuggingFaceConfig(folder.path() / "config.json"); });
}

bool readHuggingFaceFolder(std::string_view bytes) {
    static const Folder folder;
    const auto end = bytes.find('\0');
    if (end == bytes.npos)
        return false;
    folder.put("config.json", bytes.substr(0, end));
    folder.put("model.safetensors", bytes.substr(end + 1));
    return accepted([&] { requireWhole(*loadModel(folder.path())); });
}

bool readLlama2c(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] { requireWhole(*loadModel(file.path())); });
}

} // namespace fovea::fuzz
