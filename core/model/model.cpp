#include "core/model/model.h"

#include "core/model/gguf/checkpoint.h"
#include "core/model/huggingface/checkpoint.h"
#include "core/model/llama2c_checkpoint.h"
#include "core/model/model_kind.h"

namespace fovea {

std::shared_ptr<const Model> loadModel(const std::filesystem::path& path) {
    switch (modelKind(path)) {
    case ModelKind::HuggingFace:
        return readHuggingFace(path);
    case ModelKind::Gguf:
        return readGguf(path);
    case ModelKind::Llama2c:
        break;
    }
    return readLlama2c(path);
}

} // namespace fovea
