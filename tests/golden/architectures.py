"""The small random checkpoints of make_goldens.py: for every architecture a config.json in the form in which that
family's checkpoints are published, shrunk to a few kilobytes, with every field that changes the mathematics set to
something other than its default. A window, an original context or a soft-cap is always small enough to bite within
the 48 tokens of the prompt.
"""

VOCABULARY = 64
CONTEXT = 128


def llama(**changes):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
            "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
            "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None,
            "attention_bias": False, "mlp_bias": False, "pretraining_tp": 1, "tie_word_embeddings": False,
            "torch_dtype": "float32", "use_cache": True, "bos_token_id": 1, "eos_token_id": 2,
            "vocab_size": VOCABULARY} | changes


def qwen2(**changes):
    return {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 32,
            "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": CONTEXT, "max_window_layers": 2, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
            "sliding_window": 12, "use_sliding_window": False, "tie_word_embeddings": True,
            "torch_dtype": "float32", "use_mrope": False, "attention_dropout": 0.0, "vocab_size": VOCABULARY} | changes


def gpt_neox(**changes):
    return {"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_act": "gelu",
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "max_position_embeddings": 96, "layer_norm_eps": 1e-5, "rotary_emb_base": 10000, "rotary_pct": 0.25,
            "use_parallel_residual": True, "tie_word_embeddings": False, "torch_dtype": "float32",
            "bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.02, "vocab_size": VOCABULARY} | changes


def gemma3(**changes):
    return {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "attention_bias": False,
            "attn_logit_softcapping": None, "final_logit_softcapping": None, "cache_implementation": "hybrid",
            "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 32, "intermediate_size": 40, "head_dim": 16,
            "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "query_pre_attn_scalar": 24,
            "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "rope_local_base_freq": 10000,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "rope_theta": 1000000, "sliding_window": 12,
            "sliding_window_pattern": 3, "torch_dtype": "float32", "vocab_size": VOCABULARY} | changes


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


LLAMA3 = {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 32,
          "rope_type": "llama3"}
# Head dim 16 and an original context of 32: wavelengths of 6, 20, 63 … positions, one in each of llama3's three zones.
WIDE_HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}

CONFIGS = {
    "llama": llama(),
    "llama_gqa": llama(num_key_value_heads=2, rope_theta=500.0),
    "llama_tied": llama(num_key_value_heads=1, tie_word_embeddings=True),
    "llama_bias": llama(num_attention_heads=2, num_key_value_heads=1, head_dim=12, attention_bias=True, mlp_bias=True),
    "llama_rope_llama3": llama(rope_scaling=LLAMA3, **WIDE_HEADS),
    "llama_rope_linear": llama(rope_scaling={"factor": 4.0, "type": "linear"}),
    "llama_rope_dynamic": llama(rope_scaling={"factor": 4.0, "type": "dynamic"}, max_position_embeddings=32,
                                **WIDE_HEADS),
    "llama_rope_yarn": llama(rope_scaling={"factor": 4.0, "original_max_position_embeddings": 32,
                                           "rope_type": "yarn"}, **WIDE_HEADS),
    "llama_sharded": llama(num_key_value_heads=2),
    "llama_bf16": llama(num_key_value_heads=2, torch_dtype="bfloat16"),
    "mistral": without(llama(architectures=["MistralForCausalLM"], model_type="mistral", sliding_window=16,
                             num_key_value_heads=2, head_dim=12),
                       "attention_bias", "mlp_bias", "pretraining_tp", "rope_scaling"),
    "qwen2": qwen2(),
    "qwen2_window": qwen2(num_hidden_layers=3, max_window_layers=1, use_sliding_window=True,
                          tie_word_embeddings=False),
    "qwen3": without(qwen2(architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=16, sliding_window=None,
                           attention_bias=False, rope_scaling=None), "use_mrope"),
    "gpt_neox": gpt_neox(),
    "gpt_neox_serial": gpt_neox(use_parallel_residual=False),
    "opt": {"architectures": ["OPTForCausalLM"], "model_type": "opt", "activation_function": "relu",
            "_remove_final_layer_norm": False, "do_layer_norm_before": True, "ffn_dim": 48, "hidden_size": 32,
            "max_position_embeddings": 96, "num_attention_heads": 4, "num_hidden_layers": 2, "dropout": 0.1,
            "attention_dropout": 0.0, "activation_dropout": 0.0, "layerdrop": 0.0, "pad_token_id": 1,
            "bos_token_id": 2, "eos_token_id": 2, "prefix": "</s>", "torch_dtype": "float32",
            "word_embed_proj_dim": 32, "vocab_size": VOCABULARY},
    "gemma2": without(gemma3(architectures=["Gemma2ForCausalLM"], model_type="gemma2", attn_logit_softcapping=2.0,
                             final_logit_softcapping=3.0, hidden_act="gelu_pytorch_tanh", num_hidden_layers=3,
                             num_key_value_heads=2, rope_theta=10000.0),
                      "rope_local_base_freq", "rope_scaling", "sliding_window_pattern"),
    "gemma3": gemma3(),
}

# The form that transformers 5 writes. What version 4 reads of it is an equal config of the older form.
_GEMMA3_OLD = gemma3(num_hidden_layers=3, rope_scaling=None)
NEW_FORM = {
    "llama_rope_parameters": (
        without(llama(dtype="float32", rope_parameters=LLAMA3 | {"rope_theta": 5000.0}, **WIDE_HEADS),
                "rope_theta", "rope_scaling", "torch_dtype"),
        llama(rope_scaling=LLAMA3, rope_theta=5000.0, **WIDE_HEADS)),
    "gemma3_rope_parameters": (
        without(_GEMMA3_OLD | {
            "dtype": "float32", "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
            "rope_parameters": {"full_attention": {"factor": 4.0, "rope_theta": 100000.0, "rope_type": "linear"},
                                "sliding_attention": {"rope_theta": 5000.0, "rope_type": "default"}},
            "tie_word_embeddings": True, "use_bidirectional_attention": False},
            "rope_theta", "rope_local_base_freq", "rope_scaling", "sliding_window_pattern", "cache_implementation",
            "torch_dtype"),
        _GEMMA3_OLD | {"rope_theta": 100000.0, "rope_local_base_freq": 5000.0,
                       "rope_scaling": {"factor": 4.0, "rope_type": "linear"}}),
}
CONFIGS |= {name: forms[0] for name, forms in NEW_FORM.items()}
