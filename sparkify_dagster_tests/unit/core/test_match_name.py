"""The match name of a text, to the letter of the data contract; the oracle's is another code."""

# ruff: noqa: RUF001

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify_dagster.core.match_name import match_name
from sparkify_dagster_tests import oracle

LETTERS = "aé ß \u00a0¿ÃÂâ€™\u0081\u0192œ…ąж猫😀"


def misread(text: str, times: int) -> str:
    """Text as it is after its UTF-8 was read as Latin-1 so many times."""
    for _ in range(times):
        text = text.encode().decode("latin-1")
    return text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Muse ", "Muse"),
        ("\u00a0Muse\u00a0", "\u00a0Muse\u00a0"),
        ("Björk", "Björk"),
        ("BjÃ¶rk", "Björk"),
        (" BjÃ¶rk ", "Björk"),
        ("Sigur RÃ³s & Björk", "Sigur RÃ³s & Björk"),
        ("Donâ€™t", "Don’t"),
        ("Don\u00e2\u0080\u0099t", "Don’t"),
        ("Ã\u0081gua", "Água"),
        ("Ã€ la", "À la"),
        ("ÐœÑƒÐ¼Ð¸Ð¹", "Мумий"),
        ("çŒ«", "猫"),
        ("ðŸ˜€", "😀"),
        ("çŒ« 猫", "çŒ« 猫"),
        ("Ã", "Ã"),
        ("", ""),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("×©×œ×•×\u009d", "\u05e9\u05dc\u05d5\u05dd"),
        ("MÃ¼ller\u0100", "MÃ¼ller\u0100"),
    ],
)
def test_a_name_is_repaired_where_its_bytes_are_utf_8_and_else_stays(text: str, name: str) -> None:
    assert match_name(text) == name == oracle.match_name(text)


@pytest.mark.parametrize("times", range(6))
def test_what_was_misread_up_to_three_times_is_repaired(times: int) -> None:
    repaired = match_name(misread("Björk", times))
    assert repaired == misread("Björk", max(times - 3, 0))


@given(st.text(LETTERS, max_size=8), st.integers(0, 4))
def test_the_oracle_says_the_same_of_any_text(text: str, times: int) -> None:
    for each in (text, misread(text, times)):
        assert match_name(each) == oracle.match_name(each)
