"""Chinese in traditional characters means what it means in simplified ones."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.simplified import simplified, simplified_letters

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF))


def test_traditional_becomes_simplified_and_all_else_stays() -> None:
    assert simplified("一隻貓在沙發上, a cat; 海灘") == "一只猫在沙发上, a cat; 海滩"
    assert simplified("乾隆的餐廳很乾淨") == "乾隆的餐厅很干净"


@given(CHINESE)
def test_it_is_as_long_as_it_was(text: str) -> None:
    assert len(simplified(text)) == len(text)


@given(CHINESE, CHINESE)
def test_letters_do_not_know_their_neighbours(one: str, other: str) -> None:
    both = simplified_letters(one + other)
    assert both == simplified_letters(one) + simplified_letters(other)
    assert simplified_letters(both) == both


@pytest.mark.parametrize("text", ["a cat", "一只猫在沙发上", "ねこ", "кот", "😀\udc80", ""])
def test_nothing_is_imported_for_a_text_without_traditional_characters(text: str) -> None:
    code = (
        "import sys; from photosearch.simplified import simplified, simplified_letters\n"
        f"text = {text!a}\n"
        "assert simplified(text) == text == simplified_letters(text)\n"
        "assert 'opencc' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
