#include "core/train/folder.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/trace/file_writer.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

Json config(const ModelSpec& spec) {
    return {{"architectures", {"LlamaForCausalLM"}},
            {"model_type", "llama"},
            {"vocab_size", spec.vocabulary},
            {"hidden_size", spec.width},
            {"intermediate_size", spec.ffn},
            {"num_hidden_layers", spec.layers},
            {"num_attention_heads", spec.queryHeads},
            {"num_key_value_heads", spec.kvHeads},
            {"head_dim", spec.headDim},
            {"max_position_embeddings", spec.context},
            {"hidden_act", "silu"},
            {"rms_norm_eps", 1e-5},
            {"rope_theta", 10000.0},
            {"rope_scaling", nullptr},
            {"attention_bias", false},
            {"mlp_bias", false},
            {"tie_word_embeddings", spec.tiedEmbedding},
            {"bos_token_id", 1},
            {"eos_token_id", 2},
            {"torch_dtype", "bfloat16"}};
}

Json tokenizerConfig(const ModelSpec& spec) {
    return {{"tokenizer_class", "LlamaTokenizer"},
            {"add_bos_token", true},
            {"add_eos_token", false},
            {"bos_token", "<s>"},
            {"eos_token", "</s>"},
            {"unk_token", "<unk>"},
            {"legacy", true},
            {"model_max_length", spec.context}};
}

// Whether the file is there with exactly these bytes.
bool holds(const std::filesystem::path& file, const std::string& bytes) {
    std::ifstream in(file, std::ios::binary);
    const std::string found{std::istreambuf_iterator<char>(in), {}};
    return in.is_open() && found == bytes;
}

} // namespace

std::vector<NamedTensor> namedParameters(const Model& model) {
    std::vector<NamedTensor> tensors;
    const auto add = [&](const std::string& name, const at::Tensor& tensor) {
        tensors.push_back({name + ".weight", tensor});
    };
    add("model.embed_tokens", model.embedding.stored());
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        const LayerWeights& w = model.layers[i];
        const std::string layer = "model.layers." + std::to_string(i) + ".";
        add(layer + "input_layernorm", w.attentionNorm.gain);
        add(layer + "self_attn.q_proj", w.query.weight.stored());
        add(layer + "self_attn.k_proj", w.key.weight.stored());
        add(layer + "self_attn.v_proj", w.value.weight.stored());
        add(layer + "self_attn.o_proj", w.output.weight.stored());
        add(layer + "post_attention_layernorm", w.ffnNorm.gain);
        add(layer + "mlp.gate_proj", w.gate.weight.stored());
        add(layer + "mlp.up_proj", w.up.weight.stored());
        add(layer + "mlp.down_proj", w.down.weight.stored());
    }
    add("model.norm", model.finalNorm.gain);
    if (!model.spec.tiedEmbedding)
        add("lm_head", model.head.stored());
    return tensors;
}

void writeModelFolder(const std::filesystem::path& folder, const Model& model,
                      const std::string& tokenizerModel, const std::string& card) {
    makeFolder(folder);
    const auto text = [](const Json& json) { return json.dump(2) + "\n"; };
    const std::pair<const char*, std::string> rest[] = {
        {"tokenizer.model", tokenizerModel},
        {"tokenizer_config.json", text(tokenizerConfig(model.spec))},
        {"generation_config.json", text({{"bos_token_id", 1}, {"eos_token_id", 2}})}};
    const std::string configText = text(config(model.spec));
    const bool sameModel =
        holds(folder / "config.json", configText) && holds(folder / rest[0].first, tokenizerModel);
    if (!sameModel)
        removeFile(folder / "config.json"); // a mixture of two models would open
    for (const auto& [name, content] : rest)
        if (!holds(folder / name, content))
            writeFile(folder / name, content);
    std::vector<NamedTensor> tensors = namedParameters(model);
    for (NamedTensor& named : tensors)
        named.tensor = named.tensor.detach().to(at::kBFloat16);
    writeSafetensors(folder / "model.safetensors", tensors);
    if (!card.empty())
        writeFile(folder / "README.md", card);
    if (!sameModel)
        writeFile(folder / "config.json", configText);
}

} // namespace fovea
