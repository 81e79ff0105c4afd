#include "simulation/model_shapes.h"

#include <vector>

namespace fovea {

namespace {

constexpr std::string_view kLlama2 = "Touvron et al., \"Llama 2\", arXiv 2307.09288";
constexpr std::string_view kLlama3 = "Grattafiori et al., \"The Llama 3 Herd of Models\", arXiv 2407.21783";
constexpr std::string_view kLlama32 = "Meta, Llama 3.2 model card and config.json";
constexpr std::string_view kMistral = "Jiang et al., \"Mistral 7B\", arXiv 2310.06825";

ModelShape shape(std::string_view source, ModelSpec spec) {
    spec.architecture = "llama";
    spec.parameters = parametersOf(spec);
    spec.weightBytes = spec.parameters * elementBytes(spec.type);
    return {std::move(spec), source};
}

// One row: L, D, H, G, d, F, V, context, theta, tied, type.
ModelSpec row(const char* name, int layers, int width, int queryHeads, int kvHeads, int headDim, int ffn,
              int vocabulary, int context, float theta, bool tied, ElementType type) {
    return {.name = name,
            .architecture = {},
            .layers = layers,
            .width = width,
            .queryHeads = queryHeads,
            .kvHeads = kvHeads,
            .headDim = headDim,
            .ffn = ffn,
            .vocabulary = vocabulary,
            .context = context,
            .rope = {.theta = theta},
            .tiedEmbedding = tied,
            .type = type};
}

std::vector<ModelShape> published() {
    constexpr auto f16 = ElementType::F16;
    constexpr auto bf16 = ElementType::BF16;
    return {
        shape(kLlama2, row("Llama-2-7B", 32, 4096, 32, 32, 128, 11008, 32000, 4096, 1e4f, false, f16)),
        shape(kLlama2, row("Llama-2-13B", 40, 5120, 40, 40, 128, 13824, 32000, 4096, 1e4f, false, f16)),
        shape(kLlama2, row("Llama-2-70B", 80, 8192, 64, 8, 128, 28672, 32000, 4096, 1e4f, false, f16)),
        shape(kLlama32, row("Llama-3.2-1B", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 5e5f, true, bf16)),
        shape(kLlama32, row("Llama-3.2-3B", 28, 3072, 24, 8, 128, 8192, 128256, 131072, 5e5f, true, bf16)),
        shape(kLlama3, row("Llama-3.1-8B", 32, 4096, 32, 8, 128, 14336, 128256, 131072, 5e5f, false, bf16)),
        shape(kLlama3, row("Llama-3.1-70B", 80, 8192, 64, 8, 128, 28672, 128256, 131072, 5e5f, false, bf16)),
        shape(kLlama3,
              row("Llama-3.1-405B", 126, 16384, 128, 8, 128, 53248, 128256, 131072, 5e5f, false, bf16)),
        shape(kMistral, row("Mistral-7B", 32, 4096, 32, 8, 128, 14336, 32000, 8192, 1e4f, false, bf16)),
    };
}

} // namespace

std::span<const ModelShape> modelShapes() {
    static const std::vector<ModelShape> shapes = published();
    return shapes;
}

const ModelShape* findModelShape(std::string_view name) {
    for (const ModelShape& candidate : modelShapes())
        if (candidate.spec.name == name)
            return &candidate;
    return nullptr;
}

std::int64_t parametersOf(const ModelSpec& s) {
    const std::int64_t d = s.width, q = std::int64_t{s.queryHeads} * s.headDim,
                       kv = std::int64_t{s.kvHeads} * s.headDim;
    const std::int64_t layer = 2 * d * q + 2 * d * kv + 3 * d * s.ffn + 2 * d;
    const std::int64_t tables = (s.tiedEmbedding ? 1 : 2) * std::int64_t{s.vocabulary} * d;
    return tables + s.layers * layer + d;
}

} // namespace fovea
