#include "core/model/gguf/read_spec.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/model/gguf/metadata_fields.h"
#include "core/model/gguf/rope_metadata.h"
#include "core/model/quoted_name.h"
#include "core/model/shape_limits.h"

namespace fovea {

namespace {

constexpr const char* kDamaged = "; the file is damaged, copy it again";

bool hasTensor(const MetadataFields& fields, std::string_view name) {
    return fields.file().tensors().contains(name);
}

// Counts, heads and RoPE: the same keys in every architecture.
void readShape(const MetadataFields& fields, ModelSpec& spec) {
    spec.layers = fields.integer("block_count");
    spec.width = fields.integer("embedding_length");
    spec.ffn = fields.integer("feed_forward_length");
    spec.context = fields.integer("context_length");
    spec.queryHeads = fields.integer("attention.head_count");
    spec.kvHeads = fields.integer("attention.head_count_kv", spec.queryHeads);
    if (spec.queryHeads == 0 || spec.kvHeads == 0)
        fields.refuse("attention.head_count", "and its KV heads must be above 0" + std::string(kDamaged));
    if (!fields.has("attention.key_length") && spec.width % spec.queryHeads != 0)
        fields.refuse("attention.head_count", "does not divide the width" + std::string(kDamaged));
    spec.headDim = fields.integer("attention.key_length", spec.width / spec.queryHeads);
    fields.only("attention.value_length", spec.headDim);
    fields.only("vocab_size", spec.vocabulary);
    fields.only("expert_count", 0);
    fields.only("expert_used_count", 0);
    fields.only("attention.causal", true);

    const int rotated = fields.integer("rope.dimension_count", spec.headDim);
    if (rotated < 2 || rotated > spec.headDim || rotated % 2 != 0)
        fields.refuse("rope.dimension_count",
                      "is no even number up to the head's width" + std::string(kDamaged));
    spec.rotaryDim = rotated == spec.headDim ? 0 : rotated;
    spec.rope = readGgufRope(fields, rotated, spec.context);
}

// What the tensors of the first layer tell: biases, and whether the head is the embedding. Where layers
// differ, the reader of the tensors will miss one or find one too many.
void readPresence(const MetadataFields& fields, ModelSpec& spec) {
    spec.projectionBias = hasTensor(fields, "blk.0.attn_q.bias");
    spec.outputBias = hasTensor(fields, "blk.0.attn_output.bias");
    spec.ffnBias = hasTensor(fields, "blk.0.ffn_down.bias");
    spec.tiedEmbedding = !hasTensor(fields, "output.weight");
}

void readRmsNorm(const MetadataFields& fields, ModelSpec& spec) {
    spec.norm = Norm::Rms;
    spec.normEpsilon = fields.number("attention.layer_norm_rms_epsilon");
}

// attention.sliding_window in each layer, or in those that attention.sliding_window_pattern tells: one bool
// per layer, or a number n: all but every n-th, 0: all.
void readWindows(const MetadataFields& fields, ModelSpec& spec, int ownPattern, const Rope& windowed) {
    const int window = fields.integer("attention.sliding_window", 0);
    const GgufValue* pattern = fields.find("attention.sliding_window_pattern");
    if (window == 0)
        return;
    const auto named = pattern ? pattern->booleans() : std::nullopt;
    const int period = named || !pattern ? ownPattern : fields.integer("attention.sliding_window_pattern");
    if (named && std::ssize(*named) != spec.layers)
        fields.refuse("attention.sliding_window_pattern",
                      "has not one bool for each layer" + std::string(kDamaged));
    for (int layer = 0; layer < spec.layers; ++layer) {
        const bool slides = named         ? (*named)[static_cast<std::size_t>(layer)]
                            : period == 0 ? true
                                          : layer % period < period - 1;
        spec.layerSpecs.push_back(slides ? LayerSpec{window, windowed} : LayerSpec{0, spec.rope});
    }
}

void readLlama(const MetadataFields& fields, ModelSpec& spec) {
    readRmsNorm(fields, spec);
    readPresence(fields, spec);
    readWindows(fields, spec, 0, spec.rope); // Mistral's is in every layer
    // The order of rows that every file has, whether it says so or not.
    const std::string layout = fields.word("tensor_data_layout", "Meta AI original pth");
    if (layout != "Meta AI original pth")
        fields.refuse("tensor_data_layout", "is " + quotedName(layout) + ", which is not known");
}

void readQwen2(const MetadataFields& fields, ModelSpec& spec) {
    readRmsNorm(fields, spec);
    readPresence(fields, spec);
    spec.projectionBias = true;
}

void readQwen3(const MetadataFields& fields, ModelSpec& spec) {
    readRmsNorm(fields, spec);
    readPresence(fields, spec);
    spec.queryKeyNorm = true;
}

// Gains come with the 1 already added, so normShift stays 0. The published files do not say what queries are
// divided by: √d, but in the largest model of each family, which is known by its layers, √(D/H).
void readGemma(const MetadataFields& fields, ModelSpec& spec, int layersOfLargest) {
    readRmsNorm(fields, spec);
    spec.tiedEmbedding = !hasTensor(fields, "output.weight");
    spec.outputNorms = true;
    spec.activation = Activation::GeluTanh;
    spec.embeddingScale = std::sqrt(static_cast<float>(spec.width));
    if (spec.layers == layersOfLargest)
        spec.attentionScale = 1 / std::sqrt(static_cast<float>(spec.width / spec.queryHeads));
    spec.attentionSoftcap = fields.number("attn_logit_softcapping", 0);
    spec.logitSoftcap = fields.number("final_logit_softcapping", 0);
}

void readGemma2(const MetadataFields& fields, ModelSpec& spec) {
    readGemma(fields, spec, 46);
    for (const char* key : {"attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping"})
        if (!fields.has(key))
            fields.refuse(key,
                          "is missing; this file was made before Gemma 2 was understood, get a newer one");
    readWindows(fields, spec, 2, spec.rope);
}

void readGemma3(const MetadataFields& fields, ModelSpec& spec) {
    readGemma(fields, spec, 62);
    spec.queryKeyNorm = true;
    // Scaling is of the layers without a window only.
    readWindows(fields, spec, 6, Rope{.theta = fields.number("rope.freq_base_swa", 10000)});
}

void readGptNeox(const MetadataFields& fields, ModelSpec& spec) {
    spec.norm = Norm::Layer;
    spec.normEpsilon = fields.number("attention.layer_norm_epsilon");
    spec.activation = Activation::Gelu;
    spec.gated = false;
    spec.projectionBias = spec.outputBias = spec.ffnBias = true;
    spec.parallelResidual = fields.flag("use_parallel_residual", true);
}

struct GgufArchitecture {
    std::string_view name;  // general.architecture
    std::string_view title; // as other checkpoints call it
    void (*read)(const MetadataFields& fields, ModelSpec& spec);
    bool adjacentPairs = false, fusedProjections = false;
};

constexpr GgufArchitecture kArchitectures[] = {
    {"llama", "llama", readLlama, true}, {"qwen2", "qwen2", readQwen2},
    {"qwen3", "qwen3", readQwen3},       {"gemma2", "gemma2", readGemma2},
    {"gemma3", "gemma3", readGemma3},    {"gptneox", "gpt_neox", readGptNeox, false, true},
};

const GgufArchitecture& architectureOf(const GgufFile& file) {
    const GgufValue* value = file.find("general.architecture");
    const auto name = value ? value->string() : std::nullopt;
    if (!name)
        file.refuse("metadata key 'general.architecture' is missing; this is not a whole model");
    const auto* found = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                     [&](const GgufArchitecture& known) { return known.name == *name; });
    if (found != std::end(kArchitectures))
        return *found;
    std::string all;
    for (const GgufArchitecture& known : kArchitectures)
        all.append(all.empty() ? "" : ", ").append(known.name);
    file.refuse("architecture " + quotedName(*name) + " is not supported; " + all + " are");
}

// What makes a file no model of its own.
void checkGeneral(const GgufFile& file) {
    const GgufValue* type = file.find("general.type");
    if (type && type->string() != "model")
        file.refuse("metadata key 'general.type' says that this is no model; name the model's own file");
    const GgufValue* parts = file.find("split.count");
    if (parts && parts->integer() != 0 && parts->integer() != 1)
        file.refuse("metadata key 'split.count': one part of a model in several files; merge them into one");
}

int vocabularyOf(const GgufFile& file) {
    const auto embedding = file.tensors().find("token_embd.weight");
    if (embedding == file.tensors().end() || embedding->second.shape.size() != 2)
        file.refuse("tensor 'token_embd.weight' is missing or no matrix; this is not a whole model");
    const auto rows = static_cast<int>(std::min<std::int64_t>(embedding->second.shape[0], 1 << 30));
    const GgufValue* tokens = file.find("tokenizer.ggml.tokens");
    if (tokens && tokens->count() != static_cast<std::uint64_t>(rows))
        file.refuse("metadata key 'tokenizer.ggml.tokens' has " + std::to_string(tokens->count()) +
                    " tokens for an embedding of " + std::to_string(rows) + kDamaged);
    return rows;
}

} // namespace

GgufSpec readGgufSpec(const GgufFile& file) {
    checkGeneral(file);
    const GgufArchitecture& architecture = architectureOf(file);
    const MetadataFields fields(file, std::string(architecture.name));
    GgufSpec out{.adjacentPairs = architecture.adjacentPairs,
                 .fusedProjections = architecture.fusedProjections};
    ModelSpec& spec = out.spec;
    spec.name = file.path().stem().string();
    spec.architecture = architecture.title;
    spec.vocabulary = vocabularyOf(file);
    readShape(fields, spec);
    if (const auto refusal = shapeRefusal(spec))
        file.refuse("its metadata claim " + *refusal + kDamaged);
    architecture.read(fields, spec);
    if (const auto refusal = shapeRefusal(spec))
        file.refuse("its metadata claim " + *refusal + kDamaged);
    fields.refuseUnread();
    return out;
}

} // namespace fovea
