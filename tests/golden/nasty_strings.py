"""Short strings on which tokenizers go wrong: scripts mixed, emoji joined, marks stacked, blanks in runs, words cut at
apostrophes, bytes that are no UTF-8. All are drawn here from a fixed seed.
"""

import random
import unicodedata

# Characters that every table of the last twenty years classifies alike, so that an id hangs on a tokenizer's rules and
# not on how new somebody's Unicode is: those of Unicode 3.2 whose class has not changed since. Emoji are newer.
_OLD = unicodedata.ucd_3_2_0


def _settled(first, last):
    kept = []
    for code in range(first, last + 1):
        character = chr(code)
        if _OLD.category(character) not in ("Cn", "Cs") and \
                _OLD.category(character) == unicodedata.category(character):
            kept.append(character)
    return kept


SCRIPTS = {
    "latin": _settled(0x41, 0x5A) + _settled(0x61, 0x7A) + _settled(0xC0, 0x24F),
    "greek": _settled(0x370, 0x3FF), "cyrillic": _settled(0x400, 0x45F), "hebrew": _settled(0x591, 0x5F4),
    "arabic": _settled(0x60C, 0x6D5), "devanagari": _settled(0x901, 0x970), "thai": _settled(0xE01, 0xE5B),
    "hangul": _settled(0xAC00, 0xD7A3), "kana": _settled(0x3041, 0x30FE), "han": _settled(0x4E00, 0x9FA5),
    "old": _settled(0x10330, 0x1034A) + _settled(0x1D400, 0x1D4FF),  # beyond the first plane
}
MARKS = _settled(0x300, 0x345)
DIGITS = list("0123456789") + _settled(0x660, 0x669) + list("²³¹½⅓Ⅷ①〇")
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡«»¿—…“”’。、「」€£©™°×÷±√∞≈") + ["\u2581", "\u0120", "\u010a"]
BLANKS = list(" \t\n\r\v\f") + ["\u0085", "\u00a0", "\u2003", "\u2009", "\u2028", "\u2029", "\u202f", "\u3000"]
CONTROLS = [chr(code) for code in (0, 1, 7, 8, 0x1b, 0x1c, 0x1f, 0x7f, 0x80, 0x9f, 0xad, 0x200b, 0x200e, 0x200f, 0x202a,
                                   0x202e, 0x2060, 0xfeff, 0xfff9, 0xfffd, 0xfffe, 0xffff, 0xe000, 0x10fffd)]
EMOJI = ["😀", "👍", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵🇺🇸", "❤️", "☕", "1️⃣", "🧑🏿‍🚀", "👩‍💻", "🤷🏻‍♀️", "🔥", "💯", "\u200d", "\ufe0f"]
WORDS = ("the and of to in is was he for it with as his on be at by had not are but from or have an they which one you "
         "were her all she there would their we him been has when who will more no if out so said what up its about "
         "into than them can only other new some could time these two may then do first any my now such like our over "
         "cache attention token Kernel HELLO World Paris camelCase snake_case kConstant naïve café Straße Übergröße "
         "señor garçon Łódź İstanbul ǅungla ﬁnal").split()
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "’s", "’t", "'", "''", "'x", "'ſ"]
CODE = ["for (int i = 0; i < n; ++i) {", "    return x[i] / 2.0f;", "}\n\n", "def f(a, *, b=None):", "\t\tpass",
        "SELECT * FROM t WHERE a<>'b';", "http://example.org/a?b=c&d=%20e#f", "a@b.example", "\\frac{1}{2}", "1e-5", "0x1F",
        "3.14159", "1,000,000", "2024-02-29T23:59:60Z", "--flag=value", "/usr/lib/x86_64", "C:\\temp\\x", "<b>&amp;</b>"]
# The special tokens of the vocabularies tested; only make_token_goldens' list of those may hold them whole.
SPECIAL = ["<s>", "</s>", "<unk>", "<|endoftext|>", "<|user|>", "<|end|>", "<|assistant|>", "<|system|>"]


def _word(r):
    word = r.choice(WORDS)
    return r.choice([word, word, word, word.capitalize(), word.upper()])


def _sentence(r):
    return " ".join(_word(r) for _ in range(r.randint(1, 6))) + r.choice(["", "", ".", "?!", "...", "\n"])


def _contraction(r):
    return _word(r) + r.choice(CONTRACTIONS) + r.choice(["", " ", " " + _word(r), r.choice(CONTRACTIONS)])


def _script(r):
    return "".join(r.choices(SCRIPTS[r.choice(list(SCRIPTS))], k=r.randint(1, 8)))


def _mixed(r):
    return r.choice(["", " "]).join(r.choice([_script, _word, _number, _emoji, _marked])(r)[:5]
                                    for _ in range(r.randint(2, 4)))


def _number(r):
    return "".join(r.choices(DIGITS[:10] if r.random() < .7 else DIGITS, k=r.randint(1, 12)))


def _blanks(r):
    def run():
        return r.choice(BLANKS[:4] if r.random() < .7 else BLANKS) * r.choice([1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23])
    return "".join(r.choice([run, run, lambda: r.choice(WORDS)])() for _ in range(r.randint(1, 4)))


def _marked(r):
    base = r.choice(SCRIPTS["latin"] + ["e", "A", " ", "1", "ก", "ا"])
    return base + "".join(r.choices(MARKS, k=r.randint(1, 4)))


def _emoji(r):
    return "".join(r.choices(EMOJI, k=r.randint(1, 2)))


def _punctuation(r):
    run = "".join(r.choices(PUNCTUATION, k=r.randint(1, 6)))
    return run if r.random() < .5 else run[0] * r.randint(2, 12)


def _control(r):
    return "".join(r.choice([r.choice(CONTROLS), r.choice(CONTROLS), r.choice(WORDS), " "]) for _ in range(r.randint(1, 5)))


def _code(r):
    return r.choice(CODE) + r.choice(["", "", r.choice(CODE)])


def _bracketed(r):
    """Almost a special token, or the name of a byte piece."""
    return r.choice(["<0x%02X>" % r.randrange(256), "<s", "</s >", "<|end", "|>", "<unk", "< s >", "<|", "<S>", "[PAD3]",
                     "<0x4", "<mask>", "▁", "▁▁ ", "Ġthe"]) + r.choice(["", _word(r)])


def _anything(r):
    kinds = [*SCRIPTS.values(), MARKS, DIGITS, PUNCTUATION, BLANKS, CONTROLS, EMOJI, list("abcde ")]
    return "".join(r.choice(r.choice(kinds)) for _ in range(r.randint(1, 8)))


_KINDS = [_sentence, _sentence, _contraction, _script, _mixed, _number, _blanks, _marked, _emoji, _punctuation, _control,
          _code, _bracketed, _anything, _anything]


def nasty_strings(count, seed=1):
    """`count` different strings, none with a whole special token; any prefix of the list is as mixed as the rest."""
    r = random.Random(seed)
    found = {"": None, " ": None, "\n": None, "\0": None, "a": None, " a": None, "a ": None}
    while len(found) < count:
        text = "".join(r.choice(_KINDS)(r) for _ in range(r.choice([1, 1, 1, 2, 3])))
        if r.random() < .25:
            text = r.choice([" ", "  ", "\n", "\t", "\u3000"]) + text
        if r.random() < .15:
            text += r.choice([" ", "   ", "\n", " \n "])
        if not any(special in text for special in SPECIAL):
            found[text] = None
    return list(found)[:count]


def broken_bytes(count, seed=2):
    """Bytes that are no UTF-8: characters cut short, stray bytes, surrogates, overlong forms, codes beyond the last."""
    r = random.Random(seed)
    wrong = [b"\xff", b"\xfe", b"\x80", b"\xbf\xbf", b"\xc0\xaf", b"\xc1", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
             b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xe2\x28\xa1"]
    found = {}
    while len(found) < count:
        parts = []
        for _ in range(r.randint(1, 4)):
            kind = r.random()
            if kind < .5:
                parts.append(r.choice(wrong))
            elif kind < .7:
                whole = r.choice(EMOJI + SCRIPTS["han"][:50]).encode()
                parts.append(whole[:r.randint(1, len(whole))])
            else:
                parts.append(r.choice([" ", "a", "\n", _word(r), _script(r)[:2]]).encode())
        data = b"".join(parts)
        try:
            data.decode()
        except UnicodeDecodeError:
            found[data] = None
    return list(found)[:count]
