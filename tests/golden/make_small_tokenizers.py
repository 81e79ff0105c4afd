#!/usr/bin/env python3
"""Makes tests/golden/tokens/own: small tokenizers of our own in the forms in which published models have them
(tokenizer.json, and sentencepiece's tokenizer.model), with the ids, offsets and decoded texts that Python `tokenizers`
and `sentencepiece` give.

    python3 tests/golden/make_small_tokenizers.py
"""

import collections
import io
import json
import pathlib

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

from make_token_goldens import HERE, write
from nasty_strings import nasty_strings
from training_text import LINES

OUT = HERE / "tokens" / "own"
VOCABULARY = 560
GPT4_LIKE = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
             r"\s+(?!\S)|\s+")
QWEN_LIKE = GPT4_LIKE.replace(r"\p{N}{1,3}", r"\p{N}")


def trained(tokenizer, **options):
    options = {"vocab_size": VOCABULARY, "show_progress": False} | options
    tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(**options))
    return tokenizer


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated")


def byte_level(*before, normalizer=None, add_prefix_space=False, use_regex=False, trim_offsets=True):
    tokenizer = Tokenizer(models.BPE(ignore_merges=not use_regex))
    if normalizer:
        tokenizer.normalizer = normalizer
    last = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*before, last]) if before else last
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    tokenizer.decoder = decoders.ByteLevel()
    return trained(tokenizer, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))


def llama3():
    tokenizer = byte_level(split(GPT4_LIKE), trim_offsets=False)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    begin = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[begin])])
    return tokenizer


def gpt2():
    tokenizer = byte_level(use_regex=True)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def neox():
    """Runs of spaces are added tokens, looked for before the text is normalised or cut."""
    tokenizer = byte_level(normalizer=normalizers.NFC(), use_regex=True)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|padding|>"])
    tokenizer.add_tokens([AddedToken(" " * spaces, normalized=True) for spaces in range(12, 1, -1)])
    return tokenizer


def qwen2():
    tokenizer = byte_level(split(QWEN_LIKE), normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def smollm2():
    tokenizer = byte_level(pre_tokenizers.Digits(individual_digits=True), use_regex=True)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def added():
    """Every switch of an added token."""
    tokenizer = byte_level(use_regex=True, add_prefix_space=True)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True),
                                  AddedToken("<cut>", rstrip=True, special=True),
                                  AddedToken("<both>", lstrip=True, rstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("cache", single_word=True), AddedToken("cac"), AddedToken("token", normalized=False),
                          AddedToken("tokens of", normalized=False)])
    return tokenizer


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def with_bytes(tokenizer, *special):
    """Trained on the commonest characters; the rest are left to the byte pieces."""
    counts = collections.Counter("".join(LINES).replace(" ", "▁"))
    alphabet = sorted(counts, key=lambda character: (-counts[character], character))[:90]
    return trained(tokenizer, special_tokens=[*special, *BYTES], vocab_size=600, initial_alphabet=alphabet,
                   limit_alphabet=len(alphabet))


def metaspace():
    """Llama 2's and TinyLlama's: the normalizer puts the ▁."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")  # pieces within words
    with_bytes(tokenizer, "<unk>", "<s>", "</s>")
    tokenizer.pre_tokenizer = None
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                                             special_tokens=[("<s>", 1)])
    return without_byte_tokens(tokenizer)


def without_byte_tokens(tokenizer):
    """A trainer makes every special token an added one; the bytes are pieces like others in published files."""
    whole = json.loads(tokenizer.to_str())
    whole["added_tokens"] = [token for token in whole["added_tokens"] if token["content"] not in BYTES]
    return Tokenizer.from_str(json.dumps(whole))


def metaspace_first():
    """Newer conversions: a pre-tokenizer puts the ▁, in front of the text only, and does not cut there."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=True)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    with_bytes(tokenizer, "<unk>", "<s>", "</s>")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    return without_byte_tokens(tokenizer)


def gemma():
    """No ▁ in front; words are cut after their spaces."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    with_bytes(tokenizer, "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
    return without_byte_tokens(tokenizer)


# How many of the strings: the two forms that most models have are asked more.
KINDS = {llama3: 500, metaspace: 500, gpt2: 200, neox: 200, qwen2: 200, smollm2: 200, added: 150, metaspace_first: 200,
         gemma: 200}


def with_added(tokenizer):
    contents = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    texts = []
    for token in contents:
        texts += [token, token + token, f" {token} ", f"a{token}b", f"a  {token}  b", f"\n{token}\n", f"({token})",
                  token[:-1] + token, token.upper()]
    return texts


def byte_offsets(text, offsets):
    """`tokenizers` counts characters; here bytes of UTF-8 are counted."""
    at = [0]
    for character in text:
        at.append(at[-1] + len(character.encode()))
    return [place for begin, end in offsets for place in (at[begin], at[end])]


def goldens(tokenizer, texts, extra):
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    more = tokenizer.encode_batch(extra, add_special_tokens=False)
    first = tokenizer.encode_batch(texts[:20], add_special_tokens=True)
    both = list(zip(texts + extra, encodings + more))
    decoded = {str(index): back for index, (text, encoding) in enumerate(both)
               if (back := tokenizer.decode(encoding.ids, skip_special_tokens=False)) != text}
    return {"extra_strings": extra, "ids": [encoding.ids for _, encoding in both],
            "byte_offsets": [byte_offsets(text, encoding.offsets) for text, encoding in both],
            "decoded_otherwise": decoded, "ids_with_special": [encoding.ids for encoding in first]}


def make_json(make, count):
    tokenizer = make()
    folder = OUT / make.__name__
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write(folder / "goldens.json", goldens(tokenizer, nasty_strings(2000)[:count], with_added(tokenizer)))


def make_sentencepiece(kind, count=500, **options):
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=written, model_type=kind, byte_fallback=True, vocab_size=560,
        character_coverage=0.98, normalization_rule_name="identity", minloglevel=2, hard_vocab_limit=False,
        num_threads=1, **options)
    model = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    folder = OUT / f"sentencepiece_{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(written.getvalue())
    texts = nasty_strings(2000)[:count]
    ids = model.encode(texts)
    decoded = {str(index): back for index, text in enumerate(texts) if (back := model.decode(ids[index])) != text}
    write(folder / "goldens.json", {"ids": ids, "decoded_otherwise": decoded})


def main():
    for make, count in KINDS.items():
        make_json(make, count)
    # Llama's switches, then the trainer's own: spaces squeezed, and a piece that is cut out before all else.
    make_sentencepiece("bpe", remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True)
    make_sentencepiece("unigram", user_defined_symbols=["<sep>", "cache"])


if __name__ == "__main__":
    main()
