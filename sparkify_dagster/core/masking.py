"""Hiding what a record or a value says, while showing how it is built.

What belongs here: pure functions. A record that was rejected may be broken in any way, so nothing
here relies on its being JSON: what is not surely a field's name, punctuation or a literal is
hidden.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"?)"""
    r"""|(?P<literal>\b(?:true|false|null|NaN|Infinity)\b)"""
    r"""|(?P<number>-?[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?)"""
    r"""|(?P<other>.)""",
    re.DOTALL,
)
_NAME = re.compile(r'"[A-Za-z_][A-Za-z0-9_]{0,63}"')
_DIGIT = re.compile(r"[0-9]")
_ESCAPES = frozenset('"\\/bfnrt')


def mask(text: str) -> str:
    """The text with letters as `x` and digits as `9`, but for field names and literals.

    Args:
        text: A record as it stands in its object.
    """
    shown: list[str] = []
    before = ""
    for found in _TOKEN.finditer(text):
        token = found.group()
        if found["text"]:
            named = before in ("", "{", ",") and _is_name(token, text, found.end())
            shown.append(token if named else _mask_text(token))
        elif found["literal"]:
            shown.append(token)
        elif found["number"]:
            shown.append(_DIGIT.sub("9", token))
        else:
            shown.append(_mask_character(token))
        if not token.isspace():
            before = token
    return "".join(shown)


def mask_value(value: object) -> str:
    """A single value with letters as `x` and digits as `9`; blanks and punctuation stay.

    What is no text has `x` for digits, too: 99 would be taken for a number.
    """
    masked = "".join(map(_mask_character, str(value)))
    return masked if isinstance(value, str) else masked.replace("9", "x")


def _is_name(token: str, text: str, end: int) -> bool:
    """Whether a string stands where a field's name stands, and looks like one."""
    return bool(_NAME.fullmatch(token)) and text[end : end + 8].lstrip().startswith(":")


def _mask_text(token: str) -> str:
    """A string, its escapes kept: they may be what is wrong with it."""
    shown: list[str] = []
    characters = iter(token)
    for character in characters:
        if character != "\\":
            shown.append(_mask_character(character))
            continue
        escaped = next(characters, "")
        shown.append(character)
        shown.append(escaped if escaped in _ESCAPES or escaped == "u" else _mask_character(escaped))
    return "".join(shown)


def _mask_character(character: str) -> str:
    if character.isascii():
        if character.isdigit():
            return "9"
        return "x" if character.isalpha() else character
    return "x"
