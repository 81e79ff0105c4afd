#include <array>

#include "core/model/huggingface/architecture.h"
#include "core/model/huggingface/read_spec.h"

namespace fovea {

namespace {

constexpr TensorNames kLlama{.embedding = "model.embed_tokens",
                             .positions = {},
                             .layers = "model.layers",
                             .finalNorm = "model.norm",
                             .head = "lm_head",
                             .attentionNorm = "input_layernorm",
                             .query = "self_attn.q_proj",
                             .key = "self_attn.k_proj",
                             .value = "self_attn.v_proj",
                             .output = "self_attn.o_proj",
                             .queryNorm = "self_attn.q_norm",
                             .keyNorm = "self_attn.k_norm",
                             .attentionOutputNorm = {},
                             .ffnNorm = "post_attention_layernorm",
                             .gate = "mlp.gate_proj",
                             .up = "mlp.up_proj",
                             .down = "mlp.down_proj",
                             .ffnOutputNorm = {},
                             .queryKeyValue = {}};

constexpr TensorNames withFourNorms(TensorNames names) {
    names.attentionOutputNorm = "post_attention_layernorm";
    names.ffnNorm = "pre_feedforward_layernorm";
    names.ffnOutputNorm = "post_feedforward_layernorm";
    return names;
}
constexpr TensorNames kGemma = withFourNorms(kLlama);

constexpr TensorNames kNeox{.embedding = "gpt_neox.embed_in",
                            .positions = {},
                            .layers = "gpt_neox.layers",
                            .finalNorm = "gpt_neox.final_layer_norm",
                            .head = "embed_out",
                            .attentionNorm = "input_layernorm",
                            .query = {},
                            .key = {},
                            .value = {},
                            .output = "attention.dense",
                            .queryNorm = {},
                            .keyNorm = {},
                            .attentionOutputNorm = {},
                            .ffnNorm = "post_attention_layernorm",
                            .gate = {},
                            .up = "mlp.dense_h_to_4h",
                            .down = "mlp.dense_4h_to_h",
                            .ffnOutputNorm = {},
                            .queryKeyValue = "attention.query_key_value"};

constexpr TensorNames kOpt{.embedding = "model.decoder.embed_tokens",
                           .positions = "model.decoder.embed_positions",
                           .layers = "model.decoder.layers",
                           .finalNorm = "model.decoder.final_layer_norm",
                           .head = "lm_head",
                           .attentionNorm = "self_attn_layer_norm",
                           .query = "self_attn.q_proj",
                           .key = "self_attn.k_proj",
                           .value = "self_attn.v_proj",
                           .output = "self_attn.out_proj",
                           .queryNorm = {},
                           .keyNorm = {},
                           .attentionOutputNorm = {},
                           .ffnNorm = "final_layer_norm",
                           .gate = {},
                           .up = "fc1",
                           .down = "fc2",
                           .ffnOutputNorm = {},
                           .queryKeyValue = {}};

constexpr std::array kArchitectures = {
    Architecture{"LlamaForCausalLM", "llama", readLlama, kLlama},
    Architecture{"MistralForCausalLM", "mistral", readMistral, kLlama},
    Architecture{"Qwen2ForCausalLM", "qwen2", readQwen2, kLlama},
    Architecture{"Qwen3ForCausalLM", "qwen3", readQwen3, kLlama},
    Architecture{"GPTNeoXForCausalLM", "gpt_neox", readGptNeox, kNeox},
    Architecture{"OPTForCausalLM", "opt", readOpt, kOpt, 2},
    Architecture{"Gemma2ForCausalLM", "gemma2", readGemma2, kGemma},
    Architecture{"Gemma3ForCausalLM", "gemma3_text", readGemma3, kGemma},
};

} // namespace

std::span<const Architecture> architectures() {
    return kArchitectures;
}

} // namespace fovea
