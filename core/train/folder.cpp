#include "core/train/folder.h"

#include <nlohmann/json.hpp>
#include <system_error>

#include "core/model/checked_file.h"
#include "core/model/safetensors.h"

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

std::vector<NamedTensor> namedTensors(const Model& model) {
    std::vector<NamedTensor> tensors;
    const auto add = [&](const std::string& name, const at::Tensor& tensor) {
        tensors.push_back({name + ".weight", tensor.detach().to(at::kBFloat16)});
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

} // namespace

void requireWritable(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        throw std::runtime_error(folder.string() + ": cannot be created: " + error.message());
    const std::filesystem::path probe = folder / "config.json.probe";
    writeFileAtomically(probe, "{}\n");
    std::filesystem::remove(probe, error);
}

void writeModelFolder(const std::filesystem::path& folder, const Model& model,
                      const std::string& tokenizerModel, const std::string& card) {
    requireWritable(folder);
    const auto text = [](const Json& json) { return json.dump(2) + "\n"; };
    writeFileAtomically(folder / "tokenizer.model", tokenizerModel);
    writeFileAtomically(folder / "tokenizer_config.json", text(tokenizerConfig(model.spec)));
    writeFileAtomically(folder / "generation_config.json", text({{"bos_token_id", 1}, {"eos_token_id", 2}}));
    writeFileAtomically(folder / "config.json", text(config(model.spec)));
    writeSafetensors(folder / "model.safetensors", namedTensors(model));
    if (!card.empty())
        writeFileAtomically(folder / "README.md", card);
}

} // namespace fovea
