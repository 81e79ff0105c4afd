#include "core/model/huggingface/config.h"

#include <string>

#include "core/model/quoted_name.h"
#include "core/model/shape_limits.h"

namespace fovea {

namespace {

std::string knownClasses() {
    std::string names;
    for (const Architecture& known : architectures())
        names.append(names.empty() ? "" : ", ").append(known.className);
    return names;
}

const Architecture& architectureOf(const ConfigFields& config) {
    const std::vector<std::string> named =
        config.has("architectures") ? config.words("architectures") : std::vector<std::string>{};
    const std::string name = named.empty() ? "(none)" : quotedName(named.front());
    for (const Architecture& known : architectures())
        if (named.size() == 1 && named.front() == known.className) {
            config.only("model_type", std::string(known.modelType));
            return known;
        }
    config.refuse((named.size() > 1 ? "more than one architecture" : "architecture " + name) +
                  " is not supported; these are: " + knownClasses());
}

} // namespace

HuggingFaceConfig readHuggingFaceConfig(const std::filesystem::path& file) {
    const ConfigFields config(file);
    const Architecture& architecture = architectureOf(config);
    ModelSpec spec;
    const auto folder = std::filesystem::weakly_canonical(file).parent_path();
    spec.name = folder.filename().string();
    spec.architecture = architecture.modelType;
    architecture.read(config, spec);
    const std::optional<GptqFormat> gptq = readGptqFormat(config);
    config.refuseUnreadMathematics();
    if (const auto wrong = shapeRefusal(spec))
        config.refuse(*wrong + "; copy the model's config.json again");
    return {architecture, std::move(spec), gptq};
}

} // namespace fovea
