"""Chinese in traditional characters means what it means in simplified ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from photosearch.search.simplified import simplified


def test_traditional_becomes_simplified_and_all_else_stays() -> None:
    assert simplified("一隻貓在沙發上, a cat; 海灘") == "一只猫在沙发上, a cat; 海滩"


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)))
def test_it_is_as_long_and_stays_as_it_is(text: str) -> None:
    once = simplified(text)
    assert len(once) == len(text)
    assert simplified(once) == once
