#!/usr/bin/env python3
"""Makes tests/golden/tokens/steps.json: what each normalizer and pre-tokenizer of Python `tokenizers` does to nasty
strings.

    python3 tests/golden/make_step_goldens.py
"""

import json

from tokenizers import Regex, normalizers as n, pre_tokenizers as p

from make_token_goldens import HERE, write
from nasty_strings import nasty_strings

COUNT = 60
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
            r"\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

NORMALIZERS = [n.NFC(), n.NFKC(), n.NFD(), n.NFKD(), n.Lowercase(), n.StripAccents(), n.Strip(True, True),
               n.Strip(True, False), n.Strip(False, True), n.Replace(Regex(r"\s+"), "_"), n.Replace("a", "à"),
               n.Prepend("<<"), n.ByteLevel(), n.Sequence([n.NFKD(), n.StripAccents(), n.Sequence([n.Lowercase()])])]
PRE_TOKENIZERS = [
    *[p.Split(Regex(r"[aeiou]+|\s"), behavior, invert) for behavior in BEHAVIORS for invert in (False, True)],
    *[p.Punctuation(behavior) for behavior in BEHAVIORS],
    p.Split(Regex(r"\w+|[^\w\s]+"), "isolated"), p.Split(Regex(r"\b|^.|.$"), "isolated"),
    p.Split(Regex(r"[[:punct:]]+|[[:alpha:]]+"), "isolated"), p.Split(Regex(DEEPSEEK), "isolated"),
    p.Split(Regex(TEKKEN), "isolated"), p.Split("e", "merged_with_next"), p.Whitespace(), p.WhitespaceSplit(),
    p.BertPreTokenizer(), p.CharDelimiterSplit("e"), p.Digits(False), p.Digits(True),
    p.Sequence([p.Punctuation("contiguous"), p.ByteLevel(add_prefix_space=False), p.Digits(False),
                p.Split(Regex("[0-9][0-9][0-9]"), "isolated")]),
    *[p.ByteLevel(add_prefix_space=prefix, use_regex=words) for prefix in (False, True) for words in (False, True)],
    *[p.Metaspace("▁", scheme, cut) for scheme in ("always", "first", "never") for cut in (False, True)],
]


def settings(step):
    return json.loads(step.__getstate__())


def main():
    texts = [text for text in nasty_strings(2 * COUNT) if len(text) < 60][:COUNT]
    write(HERE / "tokens" / "steps.json", {
        "strings": texts,
        "normalizers": [[settings(step), [step.normalize_str(text) for text in texts]] for step in NORMALIZERS],
        "pre_tokenizers": [[settings(step), [[piece for piece, _ in step.pre_tokenize_str(text)] for text in texts]]
                           for step in PRE_TOKENIZERS]})


if __name__ == "__main__":
    main()
