#!/usr/bin/env python3
"""Makes tests/golden/gguf_blocks.json: random blocks of every GGUF type and what the Python package gguf decodes them
to, and weights and the blocks that it encodes them in. Everything in hexadecimal, little-endian: no digit is lost.

    python3 -m venv env && env/bin/pip install gguf==0.19.0 numpy==2.4.6
    env/bin/python tests/golden/make_block_goldens.py
"""

import json
import pathlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

# Where the binary16 scales stand, which must not be infinite or NaN.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
ENCODED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]


def random_blocks(name, random):
    weights, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    blocks = random.integers(0, 256, (2 if weights == 256 else 4, size), dtype=np.uint8)
    for at in HALVES[name]:
        scale = random.normal(0, .1, (len(blocks), 1)).astype(np.float16)
        scale[-1] *= np.float16(2 ** -13)  # a subnormal one
        blocks[:, at:at + 2] = scale.view(np.uint8)
    return blocks


def main():
    random = np.random.default_rng(3)
    out = {"command": "python tests/golden/make_block_goldens.py", "gguf": "0.19.0", "decoded": {}, "encoded": {}}
    for name in HALVES:
        blocks = random_blocks(name, random)
        values = dequantize(blocks, GGMLQuantizationType[name]).astype(np.float32)
        assert np.isfinite(values).all()
        out["decoded"][name] = {"blocks": blocks.tobytes().hex(), "values": values.tobytes().hex()}
    weights = random.normal(0, 1, 128).astype(np.float32)
    weights[32:64] = 0                          # a block of nothing
    weights[64:96] = random.integers(-8, 8, 32)  # many ties
    weights[96:] *= np.float32(1e-6)             # a scale that binary16 holds as a subnormal
    out["weights"] = weights.tobytes().hex()
    for name in ENCODED:
        out["encoded"][name] = quantize(weights, GGMLQuantizationType[name]).tobytes().hex()
    path = pathlib.Path(__file__).resolve().parent / "gguf_blocks.json"
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
