#!/usr/bin/env python3
"""Makes a random bf16 checkpoint with the shape of TinyLlama 1.1B: a Hugging Face folder of 2.2 GB in two shards, with
a tokenizer.model. It says nothing sensible; opening it and the memory that it holds are what is measured.

    python3 tests/golden/make_random_checkpoint.py FOLDER [--layers 22]

Needs numpy, and as much memory as the largest matrix.
"""

import argparse
import json
import pathlib
import struct

import numpy

WIDTH, HEADS, KV_HEADS, FFN, VOCABULARY = 2048, 32, 4, 5632, 32000
HEAD = WIDTH // HEADS
SHARDS = 2
TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / "assets/models/fovea-starter/tokenizer.model"


def config(layers):
    return {"architectures": ["LlamaForCausalLM"], "attention_bias": False, "bos_token_id": 1, "eos_token_id": 2,
            "hidden_act": "silu", "hidden_size": WIDTH, "intermediate_size": FFN, "max_position_embeddings": 2048,
            "model_type": "llama", "num_attention_heads": HEADS, "num_hidden_layers": layers,
            "num_key_value_heads": KV_HEADS, "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_scaling": None,
            "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True,
            "vocab_size": VOCABULARY}


def shapes(layers):
    """Names and shapes in the order of the file."""
    found = {"model.embed_tokens.weight": (VOCABULARY, WIDTH)}
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        found |= {prefix + "input_layernorm.weight": (WIDTH,),
                  prefix + "self_attn.q_proj.weight": (HEADS * HEAD, WIDTH),
                  prefix + "self_attn.k_proj.weight": (KV_HEADS * HEAD, WIDTH),
                  prefix + "self_attn.v_proj.weight": (KV_HEADS * HEAD, WIDTH),
                  prefix + "self_attn.o_proj.weight": (WIDTH, HEADS * HEAD),
                  prefix + "post_attention_layernorm.weight": (WIDTH,),
                  prefix + "mlp.gate_proj.weight": (FFN, WIDTH),
                  prefix + "mlp.up_proj.weight": (FFN, WIDTH),
                  prefix + "mlp.down_proj.weight": (WIDTH, FFN)}
    return found | {"model.norm.weight": (WIDTH,), "lm_head.weight": (VOCABULARY, WIDTH)}


def elements(shape):
    return int(numpy.prod(shape))


def bf16(values):
    """Cut, not rounded: these are random anyway."""
    return (values.view(numpy.uint32) >> 16).astype("<u2")


def draw(shape, generator):
    if len(shape) == 1:
        return bf16(generator.uniform(0.75, 1.25, shape).astype(numpy.float32))
    return bf16(generator.standard_normal(shape, dtype=numpy.float32) * numpy.float32(shape[1] ** -0.5))


def write_shard(file, tensors, generator):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors.items():
        size = 2 * elements(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for shape in tensors.values():
            draw(shape, generator).tofile(out)


def shards(tensors):
    """Cut where the bytes are halved."""
    total, parts, so_far = sum(map(elements, tensors.values())), [{} for _ in range(SHARDS)], 0
    for name, shape in tensors.items():
        parts[min(SHARDS - 1, so_far * SHARDS // total)][name] = shape
        so_far += elements(shape)
    return parts


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def tokenizer(pieces_there):
    """The starter model's, with words that stand nowhere appended until the vocabulary is full. Messages of protobuf
    that are written one after another are one message, with the repeated fields of both."""
    extra = b""
    for number in range(pieces_there, VOCABULARY):
        word = f"\u2581word{number}".encode()
        piece = b"\x0a" + varint(len(word)) + word + b"\x15" + struct.pack("<f", -float(number))
        extra += b"\x0a" + varint(len(piece)) + piece
    return TOKENIZER.read_bytes() + extra


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--layers", type=int, default=22)
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    generator = numpy.random.Generator(numpy.random.SFC64(asked.seed))
    tensors, places = shapes(asked.layers), {}
    for number, part in enumerate(shards(tensors), 1):
        file = f"model-{number:05}-of-{SHARDS:05}.safetensors"
        write_shard(asked.folder / file, part, generator)
        places |= dict.fromkeys(part, file)
    total = sum(map(elements, tensors.values()))
    index = {"metadata": {"total_size": 2 * total}, "weight_map": dict(sorted(places.items()))}
    (asked.folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    (asked.folder / "config.json").write_text(json.dumps(config(asked.layers), indent=2) + "\n")
    starter = json.loads((TOKENIZER.parent / "config.json").read_text())
    (asked.folder / "tokenizer.model").write_bytes(tokenizer(starter["vocab_size"]))
    print(f"{asked.folder}: {total:,} parameters, {2 * total:,} bytes")


if __name__ == "__main__":
    main()
