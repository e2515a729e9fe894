"""Cleanings of texts: examples of each rule, and when ftfy may be left out."""

from __future__ import annotations

import html
import re
import string
import sys

import ftfy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.encode.clean import RULES, clean

TEXTS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("&;<>#_'\"\t\r\n ÃâİſK")))


@pytest.mark.parametrize(
    ("rule", "text", "cleaned"),
    [
        ("none", "  A &amp; B\n", "  A &amp; B\n"),
        ("clip", "  A\tdog &amp;  a\nCAT ", "a dog & a cat"),
        ("clip", "&amp;lt;b&amp;gt;", "<b>"),  # two rounds
        ("clip", "schÃ¶n", "schön"),
        ("clip", "it’s “so”", 'it\'s "so"'),
        ("clip", "<|STARTOFTEXT|>", "<|startoftext|>"),
        ("clip", "\u3000ＤＯＧ\u00a0", "dog"),
        ("clip", "", ""),
        ("lower", " A_b! ", "a_b!"),
        ("whitespace", "  A\tDog &amp; \n B_c!", "A Dog & B_c!"),
        ("canonicalize", "A_Dog's  'day' - out!", "a dogs day out"),
        ("canonicalize", "&lt;b&gt;", "b"),
        ("canonicalize", "snake__case", "snake case"),
        ("siglip", "A_Dog's  'day' - out!", "adogs day out"),
        ("siglip", "it’s &amp; “so”", "it’s amp “so”"),
        ("siglip", "A! </s> B <unk>c</S>", "a</s>b<unk>cs"),
        ("immich", " A\t dog's &amp;\n", "A dog's &amp;"),
        ("immich-canonicalize", " A_ dog's - Day!", "a dogs  day"),
    ],
)
def test_examples(rule: str, text: str, cleaned: str) -> None:
    assert clean(text, rule) == cleaned


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'Clip'; known: none, clip"):
        clean("a dog", "Clip")


@given(TEXTS, st.sampled_from(sorted(RULES)))
def test_any_text_can_be_cleaned(text: str, rule: str) -> None:
    cleaned = clean(text, rule)
    if rule not in ("none", "immich-canonicalize"):
        assert cleaned == " ".join(cleaned.split())
    if rule.endswith("canonicalize"):
        assert not set(cleaned) & set(string.punctuation)


@given(st.text(st.sampled_from(string.printable)) | TEXTS)
def test_ftfy_is_left_out_only_where_it_changes_nothing(text: str) -> None:
    whole = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    assert clean(text, "whitespace") == " ".join(whole.split())


@pytest.mark.parametrize("text", ["a dog", 'Tom\'s "A <b>~|{}" 100%; \t\n', ""])
def test_plain_texts_need_no_ftfy(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ftfy", None)  # an import of it fails
    assert clean(text, "clip")[:1] == text[:1].lower()
    with pytest.raises(ImportError):
        clean("café", "clip")


@given(TEXTS)
def test_white_space_is_what_regular_expressions_call_so(text: str) -> None:
    # The references part differently: some by \s, some by str.split.
    assert clean(text, "immich") == re.sub(r"\s+", " ", text).strip()


@given(TEXTS)
def test_a_text_cleaned_for_siglip_is_clean(text: str) -> None:
    once = clean(text, "siglip")
    assert clean(once, "siglip") == once
