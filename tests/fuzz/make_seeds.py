#!/usr/bin/env python3
"""Writes the seeds of the fuzz corpora: for each reader a few small files that it accepts and a few that it refuses.
What fuzzing adds to a corpus lies beside them. Needs transformers (tests/golden/README.md), for the shapes alone.

    python3 tests/fuzz/make_seeds.py
"""

import json
import pathlib
import struct
import sys

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden"))
from architectures import CONFIGS, NEW_FORM  # noqa: E402

BITS = {"F64": 64, "F32": 32, "I64": 64, "F16": 16, "BF16": 16, "BOOL": 8, "U8": 8}


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def plans():
    for number, text in enumerate([
            "dense", "", "read=all", "store=bf16", "store=f16 read=sparq:r=8,k=64,local=16",
            "read=sparq:r=1,k=1,local=0,alpha=off,tau=on,select=logits", "store=f32 store=f16", "read=sparq:k=1,local=2",
            "keep=streaming:sinks=4,window=64,positions=cache read=sparq", "share=own", "read=sparq:r=99999999999", "read="]):
        put("plan", f"seed_{number:02}", text)


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
        kind = "BF16" if config.get("torch_dtype") == "bfloat16" else "F32"
        shapes = {parameter: (kind, list(values.shape)) for parameter, values in model.named_parameters()}
        put("huggingface_folder", f"seed_{name}", json.dumps(smaller(config)).encode() + b"\0" + tensors(shapes))
    put("huggingface_config", "seed_gpt2", '{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2"}')
    put("huggingface_config", "seed_list", "[1,2]")
    put("huggingface_config", "seed_deep", "[" * 2000)
    put("huggingface_folder", "seed_nothing", b"{}\0")


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
    put("llama2c_tokenizer", "seed_whole", struct.pack("<H", 269) + longest + b"".join(special + bytes_ + words))
    put("llama2c_tokenizer", "seed_few", struct.pack("<H", 13) + longest + b"".join(special + words))
    put("llama2c_tokenizer", "seed_one_missing", struct.pack("<H", 14) + longest + b"".join(special + words))
    put("llama2c_tokenizer", "seed_nan", struct.pack("<H", 1) + longest + piece(b"a", float("nan")))
    put("llama2c_tokenizer", "seed_long_piece", struct.pack("<H", 1) + longest + struct.pack("<fi", 0, 2**31 - 1))
    put("llama2c_tokenizer", "seed_none", struct.pack("<H", 0) + longest)


def sentencepiece():
    def varint(value):
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes(out + bytes([value]))

    def number(field, value):
        return varint(field << 3) + varint(value)

    def text(field, value):
        return varint(field << 3 | 2) + varint(len(value)) + value

    def piece(word, score, kind):
        return text(1, text(1, word.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) + number(3, kind))

    pieces = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3)
    words = b"".join(piece(word, -at, 1) for at, word in enumerate(
        ["▁t", "he", "▁the", "▁", "t", "h", "e", "r", "ee", "ß", "🌳", "▁▁", "the tree"]))
    some_bytes = b"".join(piece(f"<0x{byte:02X}>", 0, 6) for byte in (0, 9, 10, 0xC3, 0x9F))
    kinds = piece("<sep>", 0, 4) + piece("unused", -3, 5)
    identity = text(3, text(1, b"identity") + number(4, 0))
    bpe, unigram = text(2, number(3, 2)), text(2, number(3, 1))
    put("sentencepiece", "seed_bpe", pieces + some_bytes + words + kinds + bpe + identity)
    put("sentencepiece", "seed_bpe_squeezed", pieces + words + bpe)
    put("sentencepiece", "seed_unigram", pieces + some_bytes + words + kinds + unigram + identity)
    put("sentencepiece", "seed_word", pieces + words + text(2, number(3, 3)))
    put("sentencepiece", "seed_table", pieces + words + bpe + text(3, text(1, b"nmt_nfkc") + text(2, bytes(16))))
    put("sentencepiece", "seed_bos_outside", pieces + words + text(2, number(3, 2) + number(41, 10000)))
    put("sentencepiece", "seed_no_unknown", piece("a", 0, 1) * 3 + bpe)
    put("sentencepiece", "seed_cut", (pieces + words + bpe)[:-1])


def main():
    torch.manual_seed(1)
    for make in (plans, safetensors, configs, llama2c, llama2c_tokenizer, sentencepiece):
        make()
    for folder in sorted((HERE / "corpus").iterdir()):
        files = list(folder.iterdir())
        print(f"{folder.name}: {len(files)} files, {sum(file.stat().st_size for file in files):,} bytes")


if __name__ == "__main__":
    main()
