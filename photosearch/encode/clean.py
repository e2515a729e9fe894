"""What happens to a text before its tokenizer sees it: cleanings, each by its name.

In: a text and the name of a rule. Out: the text as the model saw its like in training. Each rule is
that of a reference implementation, to the letter, oddities included; nothing here knows tokens.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

# Neither ftfy nor html.unescape changes such a text; importing ftfy takes 43 ms of a cold query.
_PLAIN = re.compile(r"[\t\n -%'-~]*")  # printable ASCII without &
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SIGLIP_TOKENS = re.compile(r"(</s>|<unk>)")


def clean(text: str, rule: str) -> str:
    """The text as one of RULES makes it."""
    if rule not in RULES:
        raise ValueError(f"unknown text cleaning {rule!r}; known: {', '.join(RULES)}")
    return RULES[rule](text)


def _unchanged(text: str) -> str:
    return text


def _basic(text: str) -> str:
    """Mojibake and HTML entities undone, as the tokenizers of CLIP and open_clip begin."""
    if not _PLAIN.fullmatch(text):
        import html

        import ftfy

        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return text.strip()


def _spaces(text: str) -> str:
    return " ".join(text.split())


def _whitespace(text: str) -> str:
    return _spaces(_basic(text))


def _lower(text: str) -> str:
    return _whitespace(text).lower()


def _canonicalize(text: str) -> str:
    # An underscore parts words; any other sign joins what it stood between.
    return _spaces(_basic(text).replace("_", " ").translate(_NO_PUNCTUATION).lower())


def _siglip(text: str) -> str:
    # Its two tokens, spelt out in a text, are told apart before anything is removed.
    parts = _SIGLIP_TOKENS.split(text)
    parts[::2] = [_spaces(part.lower().translate(_NO_PUNCTUATION)) for part in parts[::2]]
    return "".join(parts)


def _immich_canonicalize(text: str) -> str:
    # Spaces first: "a - b" keeps two of them.
    return _spaces(text).translate(_NO_PUNCTUATION).lower()


RULES: dict[str, Callable[[str], str]] = {
    "none": _unchanged,  # transformers: its tokenizer files clean for themselves
    "clip": _lower,  # OpenAI's CLIP and open_clip's tokenizer of that kind
    # open_clip's other tokenizers, by the `clean` of their `tokenizer_kwargs`; whitespace if unsaid
    "lower": _lower,
    "whitespace": _whitespace,
    "canonicalize": _canonicalize,
    "siglip": _siglip,  # transformers' SiglipTokenizer
    # ONNX exports of Immich, without and with `clean: canonicalize` in their configuration
    "immich": _spaces,
    "immich-canonicalize": _immich_canonicalize,
}
