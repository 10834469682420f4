"""Texts from outside as they may be shown: names of objects, settings, words of a driver.

What belongs here: what takes from a text its power over a terminal or a log. All that is printed
goes through it; a name goes through it once more where it becomes part of a longer message, as a
line break in it would forge a line there.
"""

from __future__ import annotations


def printable(value: object) -> str:
    """A value as one line that cannot steer the terminal: what does not print is escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value)
    )


def harmless(text: str) -> str:
    """A text that cannot steer the terminal; its lines stay lines."""
    return "\n".join(printable(line) for line in text.expandtabs().split("\n"))
