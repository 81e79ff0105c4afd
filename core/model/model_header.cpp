#include "core/model/model_header.h"

#include <algorithm>
#include <array>

#include "core/model/gguf.h"
#include "core/model/gguf/read_spec.h"
#include "core/model/huggingface/checkpoint.h"
#include "core/model/llama2c_checkpoint.h"
#include "core/model/model_kind.h"

namespace fovea {

namespace {

// Adds up what a file's tables say of its tensors: the same sums that the weights themselves would give.
class Tables {
public:
    void add(std::int64_t elements, std::int64_t bytes, ElementType type) {
        m_parameters += elements;
        m_bytes += bytes;
        m_elements[static_cast<std::size_t>(type)] += elements;
    }
    void describe(ModelSpec& spec) const {
        spec.parameters = m_parameters;
        spec.weightBytes = m_bytes;
        spec.type = static_cast<ElementType>(std::max_element(m_elements.begin(), m_elements.end()) -
                                             m_elements.begin());
    }

private:
    std::int64_t m_parameters = 0, m_bytes = 0;
    std::array<std::int64_t, 3> m_elements{};
};

ModelSpec readGgufHeader(const std::filesystem::path& path) {
    const GgufFile file(path);
    ModelSpec spec = readGgufSpec(file).spec;
    Tables tables;
    for (const auto& [name, tensor] : file.tensors())
        if (name != "rope_freqs.weight") // part of the spec
            tables.add(tensor.weights(), static_cast<std::int64_t>(tensor.bytes),
                       tensor.blocks == BlockType::None ? tensor.type : ElementType::F16);
    tables.describe(spec);
    return spec;
}

} // namespace

ModelSpec readModelHeader(const std::filesystem::path& path) {
    switch (modelKind(path)) {
    case ModelKind::HuggingFace:
        return readHuggingFaceHeader(path);
    case ModelKind::Gguf:
        return readGgufHeader(path);
    case ModelKind::Llama2c:
        break;
    }
    return readLlama2cHeader(path);
}

} // namespace fovea
