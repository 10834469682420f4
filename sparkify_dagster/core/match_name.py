"""The match name of a text: what titles and artists are compared by.

Text that was UTF-8 and was read as Latin-1 or Windows-1252 on its way (`BjÃ¶rk`) is repaired. What
belongs here: that rule of the data contract. Which texts it is applied to is `pipeline.matching`'s.
"""

from __future__ import annotations

_ROUNDS = 3
"""How often text may have been read wrongly, one time after the other."""
_GAPS = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_BYTES = {ord(bytes([b]).decode("cp1252")): b for b in range(0x80, 0xA0) if b not in _GAPS}
"""The 27 characters of Windows-1252 beyond Latin-1, with the byte that each stands for."""


def match_name(text: str) -> str:
    """The text without blanks at its ends, repaired if it can be."""
    text = text.strip(" ")
    for _ in range(_ROUNDS):
        if text.isascii():
            break
        try:
            text = text.translate(_BYTES).encode("latin-1").decode()
        except UnicodeError:
            break
    return text
