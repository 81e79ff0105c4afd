#!/usr/bin/env python3
"""Makes the ids of tests/golden/tokens/gguf: what Python `tokenizers` makes of 2,000 random and nasty strings with each
of three GGUF vocabularies. The vocabularies are not part of the project; README.md says where the tests look for them.

    python3 tests/golden/make_token_goldens.py FOLDER_OF_GGUF_VOCABULARIES
"""

import argparse
import json
import pathlib
import sys

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from nasty_strings import SPECIAL, broken_bytes, nasty_strings

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARIES = ["gpt-2", "llama-spm", "phi-3"]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # tokenizer.ggml.token_type
STRINGS, BROKEN = 2000, 100


class Vocabulary:
    def __init__(self, file):
        fields = gguf.GGUFReader(file).fields

        def get(key):
            return fields["tokenizer.ggml." + key].contents() if "tokenizer.ggml." + key in fields else None
        self.model, self.tokens, self.types = get("model"), get("tokens"), get("token_type")
        self.scores, self.merges = get("scores"), get("merges")

    def special(self):
        """What stands for itself in a text: control and user-defined tokens."""
        return [token for token, kind in zip(self.tokens, self.types) if kind in (CONTROL, USER_DEFINED)]


def byte_level(vocabulary):
    """GPT-2's."""
    ids = {token: id for id, token in enumerate(vocabulary.tokens)}
    merges = [tuple(merge.split(" ", 1)) for merge in vocabulary.merges]
    tokenizer = Tokenizer(models.BPE(ids, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def merges_of_scores(vocabulary, spells):
    """Every way in which two pieces make a third, best third first: what joins by score joins by this rank."""
    ids = {token: id for id, token in enumerate(vocabulary.tokens) if id in spells}
    ways = []
    for token, id in ids.items():
        cuts = [(token[:at], token[at:]) for at in range(1, len(token))]
        cuts = [cut for cut in cuts if cut[0] in ids and cut[1] in ids]
        ways += [(-vocabulary.scores[id], id, ids[left], ids[right], (left, right)) for left, right in cuts]
    return [way[-1] for way in sorted(ways)]


def scored(vocabulary):
    """Llama's: sentencepiece's BPE with a space in front, and bytes for characters that no piece spells."""
    spells = {id for id, kind in enumerate(vocabulary.types) if kind == NORMAL}
    ids = {token: id for id, token in enumerate(vocabulary.tokens)}
    tokenizer = Tokenizer(models.BPE(ids, merges_of_scores(vocabulary, spells), byte_fallback=True, fuse_unk=True,
                                     unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return tokenizer


def build(vocabulary):
    tokenizer = byte_level(vocabulary) if vocabulary.model == "gpt2" else scored(vocabulary)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True)
                                  for token in vocabulary.special()])
    return tokenizer


def sentencepiece_of(vocabulary):
    """The same vocabulary for sentencepiece's own library, a second witness."""
    model = sentencepiece_model_pb2.ModelProto()
    for token, score, kind in zip(vocabulary.tokens, vocabulary.scores, vocabulary.types):
        # One unknown piece is all it takes; the padding at phi-3's end is called unknown, too.
        kind = UNKNOWN if token == "<unk>" else UNUSED if kind == UNKNOWN else kind
        model.pieces.add(piece=token, score=score, type=kind)
    model.trainer_spec.model_type = 2
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.pad_id = -1
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = False
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def ids_of(tokenizer, texts):
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def with_special(vocabulary):
    """Texts in which special tokens stand, between words, blanks and one another."""
    present = [token for token in SPECIAL if token in vocabulary.special()]
    texts = []
    for token in present:
        texts += [token, token + token, " " + token, token + " ", f"Hello{token}world", f"Hello {token} world",
                  f"\n{token}\nHi", f"{token}  {present[0]}", token[:-1] + token]
    return texts


def confirm(name, tokenizer, folder):
    """Against the ids that are published with the vocabulary."""
    file = folder / f"ggml-vocab-{name}.gguf"
    texts = pathlib.Path(f"{file}.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    expected = [[int(id) for id in line.split()] for line in pathlib.Path(f"{file}.out").read_text().split("\n")]
    if ids_of(tokenizer, texts) != expected[:len(texts)]:
        sys.exit(f"{name}: other ids than those in {file}.out")


def second_witness(name, vocabulary, texts, ids):
    """Where sentencepiece's own library and `tokenizers` differ, both ids are told."""
    if not vocabulary.scores:
        return {}
    theirs = sentencepiece_of(vocabulary).encode(texts)
    differ = {index: found for index, found in enumerate(theirs) if found != ids[index]}
    for index, found in differ.items():
        print(f"{name}: {texts[index]!r}: tokenizers {ids[index]}, sentencepiece {found}")
    return differ


def write(file, value):
    """One entry of a list per line: a change shows where it is."""
    file.parent.mkdir(parents=True, exist_ok=True)

    def entry(item):
        return json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    parts = []
    for key, part in value.items():
        lines = "[\n" + ",\n".join(map(entry, part)) + "\n]" if isinstance(part, list) and part else entry(part)
        parts.append(f"{entry(key)}:{lines}")
    file.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")
    print(f"{file.relative_to(HERE)}: {file.stat().st_size:,} bytes")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    texts, broken = nasty_strings(STRINGS), broken_bytes(BROKEN)
    replaced = [data.decode(errors="replace") for data in broken]
    out = HERE / "tokens"
    write(out / "strings.json", {"strings": texts, "broken_hex": [data.hex() for data in broken],
                                 "broken_replaced": replaced})
    for name in VOCABULARIES:
        vocabulary = Vocabulary(folder / f"ggml-vocab-{name}.gguf")
        tokenizer = build(vocabulary)
        confirm(name, tokenizer, folder)
        ids = ids_of(tokenizer, texts)
        differ = second_witness(name, vocabulary, texts + replaced, ids + ids_of(tokenizer, replaced))
        special = with_special(vocabulary)
        write(out / "gguf" / f"{name}.json",
              {"ids": ids, "broken_ids": ids_of(tokenizer, replaced), "special_strings": special,
               "special_ids": ids_of(tokenizer, special), "sentencepiece": [[k, v] for k, v in differ.items()]})


if __name__ == "__main__":
    main()
