#!/usr/bin/env python3
"""Writes the seeds of the fuzz corpora: for each reader a few small files that it accepts and a few that it refuses.
What fuzzing adds to a corpus lies beside them. Needs the packages of tests/golden/README.md: transformers for shapes,
sentencepiece for a table.

    python3 tests/fuzz/make_seeds.py
"""

import io
import json
import pathlib
import struct
import sys
import tempfile

import sentencepiece as spm
import torch
import transformers
from sentencepiece import sentencepiece_model_pb2

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden"))
from architectures import CONFIGS, NEW_FORM  # noqa: E402

BITS = {"F64": 64, "F32": 32, "I64": 64, "I32": 32, "F16": 16, "BF16": 16, "BOOL": 8, "U8": 8}


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def plans():
    for number, text in enumerate([
            "dense", "", "read=all", "store=bf16", "store=f16 read=sparq:r=8,k=64,local=16",
            "read=sparq:r=1,k=1,local=0,alpha=off,tau=on,select=logits", "store=f32 store=f16", "read=sparq:k=1,local=2",
            "keep=streaming:sinks=4,window=64,positions=cache read=sparq", "share=own", "read=sparq:r=99999999999", "read=",
            "keep=moa:alpha=-1024,beta=0.25,sinks=4,block=8,min=16,length=512", 'keep=moa:file="no such, file.json"',
            "keep=moa:spans=2x4/0+0.5N*6/1e+06+0.25N*2 read=sparq",
            "share=cla:3,pattern=keep-ends,convert=first read=sparq", "share=layers:0_0_2_2,convert=mean keep=streaming",
            "store=kivi:bits=2,group=32,residual=64 prefill=quantised", "store=kvquant:bits=2,outliers=0.01,exact=4,norm=off",
            "store=cq:channels=8,bits=10,recent=32 weights=rtn acts=rtn:bits=4", "acts=smooth:bits=8,alpha=0.5 weights=rtn:bits=8"]):
        put("plan", f"seed_{number:02}", text)


def moa_plans():
    def plan(alphas, betas):
        return json.dumps({"alphas": alphas, "betas": betas})
    for number, text in enumerate([
            plan([[0.0, 1024.0], [-2048, 0]], [[0.5, 0.25], [1, 0]]), plan([[0]], [[0.125]]), plan([[1e-300, 2147483647]], [[1e-9, 1]]),
            "", "{}", plan([], []), plan([[0], [0, 0]], [[0], [0]]), plan([[0]], [[2]]), plan([[1e30]], [[0]]), plan([["0"]], [[0]]),
            plan([[0]], [[0], [0]]), '{"alphas": [[1e999]], "betas": [[0]]}', "[" * 200, '{"alphas": [[0]], "alphas": [[0]]}',
            plan([[0]], [[0]])[:-1]]):
        put("moa_plan", f"seed_{number:02}", text)


def tensors(entries, metadata=None):
    """entries: name → (type, shape). Values are a pattern that is no NaN in any of the types."""
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, (kind, shape) in entries.items():
        size = BITS[kind] // 8
        for extent in shape:
            size *= extent
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + bytes([0, 0x3c]) * (at // 2) + bytes(at % 2)


def safetensors():
    good = tensors({"a": ("F32", [2, 3]), "b.weight": ("BF16", [4]), "c": ("F16", [1, 1, 2])}, {"format": "pt"})
    put("safetensors", "seed_types", good)
    put("safetensors", "seed_empty", tensors({}))
    put("safetensors", "seed_scalar", tensors({"s": ("F32", [])}))
    put("safetensors", "seed_bool", tensors({"mask": ("BOOL", [1, 1, 2, 2]), "w": ("F32", [2])}))
    put("safetensors", "seed_cut", good[:-3])
    put("safetensors", "seed_long", good + b"more")
    put("safetensors", "seed_overlap", good.replace(b"[24,32]", b"[16,24]"))
    put("safetensors", "seed_overflow", good.replace(b"[2,3]", b"[4611686018427387906,3]"))


SMALL = {"hidden_size": 8, "intermediate_size": 4, "ffn_dim": 4, "word_embed_proj_dim": 8, "num_attention_heads": 2,
         "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 4, "max_position_embeddings": 8}


def smaller(config):
    config = {key: SMALL.get(key, value) for key, value in config.items()}
    config["num_hidden_layers"] = min(config["num_hidden_layers"], 2)
    for key in ("max_window_layers",):
        if key in config:
            config[key] = min(config[key], 1)
    if "layer_types" in config:
        config["layer_types"] = config["layer_types"][:1] + config["layer_types"][-1:]
    return config


def configs():
    for name, config in CONFIGS.items():
        put("huggingface_config", f"seed_{name}", json.dumps(config))
        known = smaller(NEW_FORM[name][1] if name in NEW_FORM else config)
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(**known))
        kind = "F32" if name in ("llama", "opt", "gemma3") else "BF16"
        shapes = {parameter: (kind, list(values.shape)) for parameter, values in model.named_parameters()}
        config = smaller(config)
        put("huggingface_folder", f"seed_{name}", json.dumps(config).encode() + b"\0\0" + tensors(shapes))
        if name == "llama_sharded":
            shards(config, shapes)
    put("huggingface_config", "seed_gpt2", '{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2"}')
    put("huggingface_config", "seed_list", "[1,2]")
    put("huggingface_config", "seed_deep", "[" * 2000)
    put("huggingface_folder", "seed_nothing", b"{}\0\0")


def shards(config, shapes):
    names = sorted(shapes)
    parts = [names[:4], names[4:]]
    places = {name: f"{'ab'[number]}.safetensors" for number, part in enumerate(parts) for name in part}
    first, second = (tensors({name: shapes[name] for name in part}) for part in parts)
    # The first shard's size is told in units of 16 bytes: its header is stretched by blanks.
    (length,) = struct.unpack("<Q", first[:8])
    blanks = -len(first) % 16
    first = struct.pack("<Q", length + blanks) + first[8:8 + length] + b" " * blanks + first[8 + length:]
    for name, index in [("sharded", places), ("shard_missing", dict(places) | {names[0]: "c.safetensors"}),
                        ("shard_swapped", places | {names[0]: "b.safetensors"}), ("shard_outside", {names[0]: "../a.safetensors"})]:
        put("huggingface_folder", f"seed_{name}", json.dumps(config).encode() + b"\0" + json.dumps(
            {"metadata": {}, "weight_map": index}).encode() + b"\0" + bytes([len(first) // 16]) + first + second)


def gptq():
    """Llamas whose matrices are GPTQ's words."""
    for name, bits, group, version, more in [
            ("gptq_4", 4, 32, "gptq", {}), ("gptq_3", 3, 32, "gptq_v2", {}), ("gptq_2_rows", 2, -1, "gptq_v2", {}),
            ("gptq_8", 8, 64, "gptq_v2", {}), ("gptq_act_order", 4, 32, "gptq", {"desc_act": True}),
            ("gptq_marlin", 4, 32, "marlin", {}), ("gptq_group", 4, 48, "gptq", {})]:
        config = smaller(CONFIGS["llama"]) | {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
                                              "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 16}
        config["quantization_config"] = {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": False,
                                         "checkpoint_format": version} | more
        shapes = {"model.embed_tokens.weight": ("F16", [16, 32]), "model.norm.weight": ("F16", [32]),
                  "lm_head.weight": ("F16", [16, 32])}
        for part in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"model.layers.0.{part}.weight"] = ("F16", [32])
        for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
                     "mlp.up_proj", "mlp.down_proj"):
            prefix = f"model.layers.0.{part}."
            shapes |= {prefix + "qweight": ("I32", [bits, 32]), prefix + "qzeros": ("I32", [1, bits]),
                       prefix + "scales": ("F16", [1, 32])}
        put("huggingface_folder", f"seed_{name}", json.dumps(config).encode() + b"\0\0" + tensors(shapes))
        put("huggingface_config", f"seed_{name}", json.dumps(config))


def llama2c():
    def header(*values):
        return struct.pack("<7i", *values)

    def floats(count):
        return struct.pack("<f", 0.5) * count

    def count(dim, ffn, layers, heads, kv, vocabulary, context, tied):
        head = dim // heads
        per_layer = 2 * dim + dim * dim * 2 + 2 * dim * kv * head + 3 * dim * ffn
        return vocabulary * dim * (1 if tied else 2) + layers * per_layer + dim + context * head
    shape = (4, 3, 1, 2, 1, 5, 2)
    put("llama2c", "seed_tied", header(*shape) + floats(count(*shape, True)))
    put("llama2c", "seed_untied", header(4, 3, 1, 2, 1, -5, 2) + floats(count(*shape, False)))
    two = (8, 4, 2, 2, 2, 6, 3)
    put("llama2c", "seed_two_layers", header(*two) + floats(count(*two, True)))
    put("llama2c", "seed_header", header(*shape))
    put("llama2c", "seed_largest", header(*[2**31 - 1] * 7))
    put("llama2c", "seed_smallest", header(4, 3, 1, 2, 1, -2**31, 2) + floats(8))
    put("llama2c", "seed_later_version", struct.pack("<Ii", 0x616B3432, 1) + floats(70))


def llama2c_tokenizer():
    def piece(text, score=0.0):
        return struct.pack("<fi", score, len(text)) + text

    words = [piece(text, -number) for number, text in
             enumerate([b" t", b"he", b" the", b"e", b"t", b"h", b" ", "ß".encode(), "🌳".encode(), b""])]
    bytes_ = [piece(b"<0x%02X>" % byte) for byte in range(256)]
    special = [piece(text) for text in (b"<unk>", b"\n<s>\n", b"\n</s>\n")]
    longest = struct.pack("<I", 16)
    put("llama2c_tokenizer", "seed_whole", longest + b"".join(special + bytes_ + words))
    put("llama2c_tokenizer", "seed_few", longest + b"".join(special + words))
    put("llama2c_tokenizer", "seed_cut", (longest + b"".join(special + words))[:-1])
    put("llama2c_tokenizer", "seed_nan", longest + piece(b"a", float("nan")))
    put("llama2c_tokenizer", "seed_long_piece", longest + struct.pack("<fi", 0, 2**31 - 1))
    put("llama2c_tokenizer", "seed_none", longest)


def normaliser_table():
    """A small precompiled charsmap as sentencepiece writes it."""
    written = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write("41\t61\n42 43\t64 65\nDF\t73 73\n200B\t\n")
        rules.flush()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(["a b c d e s"] * 20), model_writer=written, vocab_size=12,
                                       hard_vocab_limit=False, normalization_rule_tsv=rules.name, minloglevel=2)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(written.getvalue())
    return model.normalizer_spec.precompiled_charsmap


def sentencepiece():
    def make(name, words, cut=0, **settings):
        model = sentencepiece_model_pb2.ModelProto()
        for number, word in enumerate(words):
            piece, kind = word if isinstance(word, tuple) else (word, 1)
            model.pieces.add(piece=piece, score=-number, type=kind)
        for key, value in settings.items():
            part = model.normalizer_spec if hasattr(model.normalizer_spec, key) else model.trainer_spec
            setattr(part, key, value)
        data = model.SerializeToString()
        put("sentencepiece", name, data[:len(data) - cut])

    special = [("<unk>", 2), ("<s>", 3), ("</s>", 3)]
    bytes_ = [(f"<0x{byte:02X}>", 6) for byte in (0, 9, 10, 0xC3, 0x9F)]
    words = ["▁t", "he", "▁the", "▁", "t", "h", "e", "r", "ee", "ß", "🌳", "▁▁", "the tree", ("<sep>", 4), ("un", 5)]
    plain = {"remove_extra_whitespaces": False}
    make("seed_bpe", special + bytes_ + words, model_type=2, **plain)
    make("seed_bpe_squeezed", special + words, model_type=2)
    make("seed_unigram", special + bytes_ + words, model_type=1, byte_fallback=True, **plain)
    make("seed_no_prefix", special + words, model_type=2, add_dummy_prefix=False)
    make("seed_suffix", special + words, model_type=1, treat_whitespace_as_suffix=True)
    make("seed_unescaped", special + words, model_type=1, escape_whitespaces=False)
    make("seed_word", special + words, model_type=3)
    make("seed_table", special + words, model_type=1, precompiled_charsmap=normaliser_table())
    make("seed_bad_table", special + words, model_type=1, precompiled_charsmap=b"\x10\0\0\0" + bytes(range(20)))
    make("seed_bos_outside", special + words, model_type=2, bos_id=10000)
    make("seed_no_unknown", ["a", "b", "c"], model_type=2)
    make("seed_cut", special + words, cut=1, model_type=2)


def tokenizer_json():
    def bpe(words, merges, **more):
        return {"type": "BPE", "vocab": {word: id for id, word in enumerate(words)}, "merges": merges} | more

    def put_json(name, model, **more):
        put("tokenizer_json", name, json.dumps({"version": "1.0", "model": model} | more, ensure_ascii=False))

    def steps(key, members, *kinds):
        return {key: {"type": "Sequence", members: [{"type": kind[0]} | kind[1] for kind in kinds]}}

    def added(id, content, **more):
        return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} | more

    letters = ["a", "b", "t", "h", "e", "Ġ", "Ċ", "th", "the", "Ġthe", "1", "2", "Ł", "ł"]
    merges = ["t h", "th e", "Ġ the"]
    level = {"add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    put_json("seed_gpt2", bpe(letters, merges), pre_tokenizer={"type": "ByteLevel"} | level, decoder={"type": "ByteLevel"},
             added_tokens=[added(14, "<|endoftext|>")], post_processor={"type": "ByteLevel"} | level)
    put_json("seed_llama3", bpe(letters, [merge.split() for merge in merges], ignore_merges=True),
             added_tokens=[added(14, "<|begin_of_text|>"), added(15, "<|eot_id|>")], decoder={"type": "ByteLevel"},
             post_processor={"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|begin_of_text|>",
                             "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "special_tokens":
                             {"<|begin_of_text|>": {"id": "<|begin_of_text|>", "ids": [14], "tokens": ["x"]}}},
             **steps("pre_tokenizer", "pretokenizers",
                     ("Split", {"pattern": {"Regex": "(?i:'s|'t)|\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+"},
                                "behavior": "Isolated", "invert": False}), ("ByteLevel", level | {"use_regex": False})))
    put_json("seed_qwen", bpe(letters, merges), **steps("normalizer", "normalizers", ("NFC", {}), ("Lowercase", {})),
             **steps("pre_tokenizer", "pretokenizers", ("Digits", {"individual_digits": True}), ("ByteLevel", level)))
    meta = ["<unk>", "<s>", "</s>", "<0x0A>", "<0xC3>", "▁", "t", "h", "e", "▁t", "he", "▁the", "ß"]
    llama2 = bpe(meta, ["▁ t", "h e", "▁t he"], byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    decoder = steps("decoder", "decoders", ("Replace", {"pattern": {"String": "▁"}, "content": " "}), ("ByteFallback", {}),
                    ("Fuse", {}), ("Strip", {"content": " ", "start": 1, "stop": 0}))
    put_json("seed_llama2", llama2, added_tokens=[added(1, "<s>"), added(2, "</s>", lstrip=True, rstrip=True)], **decoder,
             **steps("normalizer", "normalizers", ("Prepend", {"prepend": "▁"}),
                     ("Replace", {"pattern": {"String": " "}, "content": "▁"})))
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    put_json("seed_metaspace", llama2, pre_tokenizer=space, decoder=space)
    put_json("seed_unigram", {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                              "vocab": [["<unk>", 0.0], ["▁", -2.0], ["▁the", -3.5], ["t", -4.0], ["e", -4.1]]},
             pre_tokenizer=space, decoder=space,
             **steps("normalizer", "normalizers", ("NFKD", {}), ("StripAccents", {}), ("Strip", {"strip_left": True}),
                     ("Replace", {"pattern": {"Regex": " {2,}"}, "content": " "})))
    put_json("seed_many", bpe(letters, merges), added_tokens=[added(14, "the", single_word=True, special=False),
                                                              added(15, "th", normalized=True)],
             **steps("pre_tokenizer", "pretokenizers", ("Whitespace", {}), ("Punctuation", {"behavior": "MergedWithNext"}),
                     ("CharDelimiterSplit", {"delimiter": "|"}), ("WhitespaceSplit", {}), ("BertPreTokenizer", {})))
    put_json("seed_wordpiece", {"type": "WordPiece", "vocab": {"a": 0}})
    put_json("seed_bad_regex", bpe(letters, merges), pre_tokenizer={"type": "Split", "behavior": "Removed",
                                                                   "pattern": {"Regex": "(a"}})
    put_json("seed_slow_regex", bpe(letters, merges), pre_tokenizer={"type": "Split", "behavior": "Removed",
                                                                    "pattern": {"Regex": "(\\S+)+ $"}})
    put_json("seed_bad_merge", bpe(letters, ["t x"]))
    put("tokenizer_json", "seed_deep", '{"normalizer":' * 300)


GGUF_KINDS = {"u8": (0, "<B"), "i8": (1, "<b"), "u16": (2, "<H"), "i16": (3, "<h"), "u32": (4, "<I"), "i32": (5, "<i"),
              "f32": (6, "<f"), "bool": (7, "<?"), "str": (8, None), "u64": (10, "<Q"), "i64": (11, "<q"), "f64": (12, "<d")}
# type number, weights of a block, bytes of a block
GGUF_BLOCKS = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22),
               "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110),
               "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "BF16": (30, 1, 2)}


def gguf_file(pairs, tensors=(), version=3, alignment=32):
    """pairs: key → (kind, value), a list as value being an array; tensors: (name, type, shape as GGUF counts it)."""
    def string(text):
        data = text.encode()
        return struct.pack("<Q", len(data)) + data

    def value(kind, content):
        return string(content) if kind == "str" else struct.pack(GGUF_KINDS[kind][1], content)

    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    for key, (kind, content) in pairs.items():
        number = GGUF_KINDS[kind][0]
        if isinstance(content, list):
            out += string(key) + struct.pack("<IIQ", 9, number, len(content)) + b"".join(value(kind, c) for c in content)
        else:
            out += string(key) + struct.pack("<I", number) + value(kind, content)
    data = b""
    for name, kind, shape in tensors:
        number, per_block, size = GGUF_BLOCKS[kind]
        weights = 1
        for extent in shape:
            weights *= extent
        out += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", number, len(data))
        data += bytes([0, 0x3C]) * (weights // per_block * size // 2)
        data += bytes(-len(data) % alignment)
    return out + bytes(-len(out) % alignment) + data


def small_gguf(architecture, matrices, **more):
    """A model of width 32: (pairs, tensors)."""
    def pair(key, kind, content):
        return {f"{architecture}.{key}": (kind, content)}

    pairs = {"general.architecture": ("str", architecture)} | pair("block_count", "u32", 1)
    pairs |= pair("embedding_length", "u32", 32) | pair("feed_forward_length", "u32", 32)
    pairs |= pair("context_length", "u32", 16) | pair("attention.head_count", "u32", 2)
    pairs |= pair("attention.head_count_kv", "u32", 1 if architecture != "gptneox" else 2)
    pairs |= pair("attention.layer_norm_rms_epsilon" if architecture != "gptneox" else "attention.layer_norm_epsilon", "f32",
                  1e-5)
    for key, content in more.items():
        pairs |= pair(key.replace("__", "."), *content)
    block = "blk.0."
    tensors = [("token_embd.weight", matrices, [32, 4]), ("output_norm.weight", "F32", [32]),
               (block + "attn_norm.weight", "F32", [32]), (block + "ffn_norm.weight", "F32", [32])]
    if architecture == "gptneox":
        names = [("attn_qkv", 96), ("attn_output", 32), ("ffn_up", 32), ("ffn_down", 32)]
        tensors += [(block + f"{name}.bias", "F32", [rows]) for name, rows in names]
        tensors += [(f"{name}.bias", "F32", [32]) for name in ("output_norm", block + "attn_norm", block + "ffn_norm")]
        tensors += [("output.weight", matrices, [32, 4])]
    else:
        names = [("attn_q", 32), ("attn_k", 16), ("attn_v", 16), ("attn_output", 32), ("ffn_gate", 32), ("ffn_up", 32),
                 ("ffn_down", 32)]
    tensors += [(block + f"{name}.weight", matrices, [32, rows]) for name, rows in names]
    if architecture == "qwen2":
        tensors += [(block + f"{name}.bias", "F32", [rows]) for name, rows in names[:3]]
    if architecture in ("qwen3", "gemma3"):
        tensors += [(block + f"{name}.weight", "F32", [16]) for name in ("attn_q_norm", "attn_k_norm")]
    if architecture.startswith("gemma"):
        tensors += [(block + f"{name}.weight", "F32", [32]) for name in ("post_attention_norm", "post_ffw_norm")]
    return pairs, tensors


def gguf():
    every = {f"all.{kind}": (kind, "text" if kind == "str" else 1) for kind in GGUF_KINDS}
    every |= {f"list.{kind}": (kind, ["a", ""] if kind == "str" else [1, 0]) for kind in GGUF_KINDS}
    good = gguf_file(every, [("a", "F32", [3, 2]), ("b", "Q4_0", [64, 2]), ("c", "BF16", [5])])
    put("gguf", "seed_values", good)
    put("gguf", "seed_v2", gguf_file({"general.alignment": ("u32", 8)}, [("a", "F16", [2])], version=2, alignment=8))
    put("gguf", "seed_blocks", gguf_file({}, [(kind, kind, [256]) for kind in GGUF_BLOCKS]))
    put("gguf", "seed_nothing", gguf_file({}))
    put("gguf", "seed_v1", gguf_file({}, version=1))
    put("gguf", "seed_big_endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0))
    put("gguf", "seed_cut", good[:-40])
    put("gguf", "seed_counts", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63))
    put("gguf", "seed_long_string", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**64 - 1) + b"key")
    put("gguf", "seed_overlap", good.replace(struct.pack("<IQ", 2, 32), struct.pack("<IQ", 2, 0)))
    put("gguf", "seed_huge_shape", good.replace(struct.pack("<2Q", 3, 2), struct.pack("<2Q", 2**62, 4)))

    gemma2 = {"attention__sliding_window": ("u32", 8), "attn_logit_softcapping": ("f32", 50.0),
              "final_logit_softcapping": ("f32", 30.0)}
    gemma3 = {"attention__sliding_window": ("u32", 8), "attention__key_length": ("u32", 16), "rope__freq_base": ("f32", 1e6),
              "rope__scaling__type": ("str", "linear"), "rope__scaling__factor": ("f32", 8.0)}
    yarn = {"rope__scaling__type": ("str", "yarn"), "rope__scaling__factor": ("f32", 4.0),
            "rope__scaling__original_context_length": ("u32", 8), "rope__dimension_count": ("u32", 16)}
    for name, kind, architecture, more in [
            ("llama_f16", "F16", "llama", {}), ("llama_q4_0", "Q4_0", "llama", yarn), ("llama_q5_1", "Q5_1", "llama", {}),
            ("qwen2_q8_0", "Q8_0", "qwen2", {}), ("qwen3_q5_0", "Q5_0", "qwen3", {"attention__key_length": ("u32", 16)}),
            ("gemma2_q4_1", "Q4_1", "gemma2", gemma2), ("gemma3_bf16", "BF16", "gemma3", gemma3),
            ("gptneox_f16", "F16", "gptneox", {"rope__dimension_count": ("u32", 4), "use_parallel_residual": ("bool", 0)}),
            ("mamba", "F16", "mamba", {}), ("key_unknown", "Q4_0", "llama", {"attention__temperature": ("f32", 2.0)})]:
        pairs, tensors = small_gguf(architecture, kind, **more)
        put("gguf_model", f"seed_{name}", gguf_file(pairs, tensors))
    for kind in ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"):
        pairs, tensors = small_gguf("llama", "Q4_0", feed_forward_length=("u32", 256))
        tensors = [(name, kind if "down" in name else form, [256, 32] if "down" in name else
                    [32, 256] if "ffn_gate" in name or "ffn_up" in name else shape) for name, form, shape in tensors]
        put("gguf_model", f"seed_llama_{kind.lower()}", gguf_file(pairs, tensors))
    pairs, tensors = small_gguf("llama", "Q4_0")
    put("gguf_model", "seed_tensor_missing", gguf_file(pairs, tensors[:-1]))
    gguf_vocabularies()


def gguf_vocabularies():
    def vocabulary(model, tokens, types, **more):
        pairs = {"tokenizer.ggml.model": ("str", model), "tokenizer.ggml.tokens": ("str", tokens),
                 "tokenizer.ggml.token_type": ("i32", types)}
        return gguf_file(pairs | {f"tokenizer.ggml.{key}": content for key, content in more.items()})

    words = ["<unk>", "<s>", "</s>", "<0x0A>", "<0xC3>", "▁", "t", "h", "e", "▁t", "he", "▁the", "ß", "<sep>", "old"]
    kinds = [2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1, 4, 5]
    scores = ("f32", [-float(number) for number in range(len(words))])
    ids = {"bos_token_id": ("u32", 1), "eos_token_id": ("u32", 2), "unknown_token_id": ("u32", 0)}
    put("gguf_vocabulary", "seed_llama", vocabulary("llama", words, kinds, scores=scores, **ids))
    put("gguf_vocabulary", "seed_no_prefix", vocabulary("llama", words, kinds, scores=scores, add_bos_token=("bool", 0),
                                                        add_space_prefix=("bool", 0), eot_token_id=("u32", 13)))
    put("gguf_vocabulary", "seed_no_scores", vocabulary("llama", words, kinds))
    put("gguf_vocabulary", "seed_eos_outside", vocabulary("llama", words, kinds, scores=scores, eos_token_id=("u32", 99)))
    letters = ["a", "b", "t", "h", "e", "Ġ", "Ċ", "th", "the", "Ġthe", "1", "<|im_end|>"]
    merges, kinds = ("str", ["t h", "th e", "Ġ the"]), [1] * 11 + [3]
    for pre in ("gpt-2", "llama-bpe", "qwen2", "smollm", "default", "klingon"):
        put("gguf_vocabulary", f"seed_{pre}", vocabulary("gpt2", letters, kinds, merges=merges, pre=("str", pre)))
    put("gguf_vocabulary", "seed_bad_merge", vocabulary("gpt2", letters, kinds, merges=("str", ["x y", "z"])))
    put("gguf_vocabulary", "seed_none", gguf_file({}))


def runs():
    components = ("k", "v", "k_copy", "mean", "scores", "indices", "weights")

    def traffic(size):
        return {name: size if name in ("k", "v") else 0 for name in components}

    def both(size):
        return {"formula": traffic(size), "counted": traffic(size)}

    def run(plan="dense", steps=2, **more):
        step = [{"token": 3 + n, "position": 1 + n, "fed": 2 + n, "planned": n > 0, "bytes": both(64 * n),
                 "held": {"formula": 64, "counted": 64, "reserved": 128, "components": both(32)}, "live_slots": 2,
                 "evicted_slots": n, "seconds": 0.5, "attention_seconds": 0.25, "surprise_nats": None if n else 1.5}
                for n in range(steps)]
        shape = {"architecture": "llama", "layers": 1, "width": 8, "query_heads": 2, "kv_heads": 1, "head_dim": 4, "ffn": 4,
                 "vocabulary": 16, "context": 8, "type": "f32", "parameters": 500, "weight_bytes": 2000}
        return {"format": "fovea-run", "version": 1, "text": "a b", "prompt": "a", "plan": plan, "model": "m", "shape": shape,
                "tokens": [1] + [2 + n for n in range(steps + 1)], "prompt_tokens": 2, "decode_from": 2, "backend": "cpu",
                "threads": 1, "prefill_seconds": 0.5, "steps": step} | more

    def put_json(name, value):
        put("run_json", name, json.dumps(value, separators=(",", ":")))

    pair = {"format": "fovea-runs", "version": 1, "runs": [run(), run("keep=streaming:sinks=1,window=2 store=bf16", 1)],
            "pieces": ["<s>", " a", "b", "\u00df"],
            "comparison": {"kl_nats": [0.5], "kl_mean_nats": 0.5, "kl_max_nats": None, "agreement": 1, "first_divergent": None}}
    put_json("seed_run", run())
    put_json("seed_prefill_alone", run("read=sparq:r=2,k=4", 0))
    put_json("seed_pair", pair)
    put_json("seed_later_version", run(version=2))
    put_json("seed_tokens_apart", pair | {"runs": [run(), run(tokens=[1, 2, 3, 5])]})
    put_json("seed_control_in_plan", run("dense\u001b[2J\n" * 40))
    put("run_json", "seed_deep", '{"steps":' * 300)


def fingerprint(data, before=0):
    """As core/train/fingerprint.h has it."""
    mask = 2**64 - 1
    total = before ^ (len(data) * 0x9e3779b97f4a7c15 & mask)
    for at in range(0, len(data), 8):
        total = (total ^ int.from_bytes(data[at:at + 8], "little")) * 0xbf58476d1ce4e5b9 & mask
        total ^= total >> 29
    total = (total ^ total >> 27) * 0x94d049bb133111eb & mask
    return total ^ total >> 31


def codebooks():
    """Of the model that codebooks_target.cpp makes of halves: two layers, width 16, one KV head of 8."""
    model = fingerprint(struct.pack("<6q", 2, 16, 2, 1, 8, 4))
    for _ in range(2 * 2):  # layers; keys and values, four rows of each
        model = fingerprint(struct.pack("<f", .5) * 4 * 16, model)

    def book(name, store, parts, **more):
        origin = {"fovea": "codebooks 2", "store": store, "model": "halves", "model_fingerprint": f"{model:016x}", "text": "numbers",
                  "text_fingerprint": "0123456789abcdef", "tokens": "60", "seed": "7", "weights": "gradients", "program": "1.2"}
        put("codebooks", f"seed_{name}", tensors({f"layers.{layer}.{part}": ("F32", shape) for layer in range(2)
                                                  for part, shape in parts.items()}, origin | more))

    def kvquant(levels):
        return {"keys.offset": [1, 8], "keys.range": [1, 8]} | {
            f"{side}.{part}": [levels] for side in ("keys", "values") for part in ("levels", "read")}

    def cq(channels, centroids):
        return {f"{side}.centroids": [1, 8 // channels, centroids, channels] for side in ("keys", "values")}

    book("kvquant", "kvquant:bits=2", kvquant(4))
    book("kvquant_outliers", "kvquant:outliers=0.2,exact=0,norm=on", kvquant(8))
    book("cq", "cq:channels=2,bits=1", cq(2, 2))
    book("cq_wide", "cq:channels=8,bits=3,recent=4", cq(8, 8))
    book("other_shape", "cq:channels=4,bits=3", cq(2, 8))
    book("other_model", "cq:channels=2,bits=1", cq(2, 2), model_fingerprint="00")
    book("no_store", "rtn:bits=2", {})
    book("no_number", "cq:channels=2,bits=1", cq(2, 2), tokens="many")
    book("earlier_format", "cq:channels=2,bits=1", cq(2, 2), fovea="codebooks 1")


SWEEP = ("model,task,figures,metric,higher is better,metric's bound,samples,seed,text,backend,method,plan,refused,score,standard error,"
         "change from dense,standard error of the change,moved formula (bytes per token),moved counted (bytes per token),"
         "held formula (bytes),held counted (bytes),weights formula (bytes per token),weights counted (bytes per token),"
         "KL to dense mean (nats),KL to dense max (nats),top-1 agreement with dense,parts,steps,seconds per token timed (s)")
STATISTICS = ("model,text,blocks,tokens of each,seed,layer,tensor,part,values,AbsMax,mean,standard deviation,"
              "kurtosis (3: normal)")


def tables():
    asked = 'm,recall,4 pairs,accuracy,1,1,2,1,"a.txt, 8 bytes, dc015947",cpu,'
    dense = asked + "dense,dense,,1,0,0,0,360,360,654,654,223,223,0,0,1,up to 64 tokens back: 1 0 0 0 63; over 64: 1 0 0 0 2,18,0.5"
    refused = asked + 'store=cq,store=cq,"no codebooks, none",' + "," * 15
    changed = asked + "read=sparq,read=sparq:k=8,,0.5,0.25,-0.5,0.25,1.5,1.5,6,6,2e2,2e2,1e-3,0.25,0.75,,18,0.125"
    for name, rows in [("whole", [dense, refused, changed]), ("none", []), ("other_task", [dense, changed.replace("4 pairs", "5 pairs")]),
                       ("no_number", [dense.replace("654", "NaN")]), ("short", [dense + ",1", changed[:-4]]),
                       ("open_quotes", [dense.replace('47"', "47")]), ("break_in_number", [dense.replace(",654,", ',"6\r\n\x1b[2J",')]),
                       ("break_in_model", ['"m\r\n"' + dense[1:]])]:
        put("sweep_table", f"seed_{name}", "\r\n".join([SWEEP, *rows]) + "\r\n")
    put("sweep_table", "seed_no_header", dense)

    row = 'm,"a.txt, 8 bytes, dc015947",1,512,1,0,'
    both = [row + "weights,query,16384,0.5,-0.0018,0.0998,3.09", row + "keys,,512,1e9,1e-9,2.5,13"]
    for name, rows in [("whole", both), ("none", []), ("no_tensor", [both[0].replace("weights", "biases")]),
                       ("no_values", [both[0].replace("16384", "0")]), ("other_seed", [both[0], both[1].replace("512,1,", "512,2,")]),
                       ("far_out", [row + "values,,2,1e300,0,1e300,1e300"])]:
        put("statistics_table", f"seed_{name}", "\n".join([STATISTICS, *rows]) + "\n")


def trainings():
    options = {"text": ["/a.txt"], "minutes": 50.0, "tokens": 4096, "seed": 1, "vocabulary": 400, "width": 8, "layers": 1,
               "heads": 2, "kv-heads": 1, "ffn": 8, "context": 64, "rate": 0.001, "batch-tokens": 64, "accumulate": 1,
               "validate-every": 2, "keep-best": True, "threads": 1, "save-every": 60.0}
    loss = {"step": 2, "tokens": 128, "loss": 4.5}
    position = {"steps": 3, "tokens": 192, "seconds": 1.5, "loss": 5.25, "logged_nats": 2.5, "logged_graded": 9,
                "logged_tokens": 128, "sequences": 77, "sittings": 1, "log_bytes": 300, "held_out": loss, "best": None}

    def state(name, weights=(), fingerprint=0, **more):
        whole = {"format": 1, "options": options, "texts": [5], "tokenizer": "0a0b", "position": position,
                 "fingerprint": fingerprint} | more
        put("training_state", f"seed_{name}", tensors(dict(weights), {"fovea.training": json.dumps(whole)}))

    shape = ("F32", [2])
    state("whole")
    state("weights", {"w": shape}, fingerprint(struct.pack("<4H", *[0x3c00] * 4), fingerprint(b"w")))
    state("other_weights", {"w": shape}, 1)
    state("later_format", format=2)
    state("texts_apart", texts=[1, 2])
    state("most_heads", options=options | {"heads": 2**30, "kv-heads": 1})
    state("widest", options=options | {"width": 2**31 - 8, "ffn": 2**31 - 1})
    state("wide_count", options=options | {"tokens": 1e300})
    state("no_hex", tokenizer="0a0")
    put("training_state", "seed_no_state", tensors({"w": shape}))

    begun = {"kind": "begun", "format": 1, "model": "tiny", "parameters": 1072, "total_tokens": 20480, "total_seconds": 0}
    at = {"step": 10, "tokens": 5120, "seconds": 1.2}
    step = {"kind": "step"} | at | {"done": 0.25, "loss": 5.1, "rate": 0.01, "sequence": 64, "tokens_per_second": 4100, "seconds_left": 3.6}
    lines = [begun, step, {"kind": "held_out"} | at | {"loss": 4.8, "best": True}, {"kind": "resumed"} | at,
             {"kind": "ended"} | at | {"early": False}]
    for name, entries in [("whole", lines), ("begun", lines[:1]), ("none", []), ("not_begun", lines[1:]), ("wide", [begun, step | {"step": 1e300}]),
                          ("negative", [begun, step | {"sequence": -1}]), ("kind", [begun | {"kind": "\x1b[2J\n"}]), ("missing", [begun, at])]:
        put("training_log", f"seed_{name}", "".join(json.dumps(entry) + "\n" for entry in entries))
    put("training_log", "seed_half_line", json.dumps(begun) + "\n" + json.dumps(step)[:20])


def tokenizer_folders():
    words = {word: id for id, word in enumerate(["a", "b", "t", "h", "e", "\u0120", "th", "the", "\u0120the", "<s>", "</s>"])}
    merges = "#version: 0.2\nt h\r\nth e\n\u0120 the\n"
    config = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": True, "chat_template": [
        {"name": "default", "template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"}]}
    for name, parts in [("whole", [words, merges, config, {"unk_token": "a"}]), ("plain", [words, merges, {}, {}]),
                        ("no_config", [words, merges, "", ""]), ("bad_merge", [words, "x y", {}, {}]), ("no_words", [[], merges, {}, {}]),
                        ("far_id", [words | {"far": 2**31}, merges, {}, {}]), ("deep", [words, merges, "[" * 300, {}])]:
        texts = [part if isinstance(part, str) else json.dumps(part) for part in parts]
        put("tokenizer_folder", f"seed_{name}", "\0".join(texts))


def main():
    torch.manual_seed(1)
    for make in (plans, moa_plans, safetensors, configs, gptq, llama2c, llama2c_tokenizer, sentencepiece, tokenizer_json, gguf, runs,
                 codebooks, tables, trainings, tokenizer_folders):
        make()
    for folder in sorted((HERE / "corpus").iterdir()):
        files = list(folder.iterdir())
        print(f"{folder.name}: {len(files)} files, {sum(file.stat().st_size for file in files):,} bytes")


if __name__ == "__main__":
    main()
