"""Texts for people: counted things in words, and texts from outside made harmless.

What belongs here: pure functions of numbers, nouns and texts. All that is printed goes through
`printable` or `harmless`; a name goes through it once more where it becomes part of a longer
message, as a line break in it would forge a line there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

_TOKEN = re.compile(r"[\w+/=-]{100,}")
"""A session token may be echoed; no word is as long."""


def count(number: int, one: str, many: str = "") -> str:
    """`1 day`, `2,000 days`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def printable(value: object) -> str:
    """A value as one line that cannot steer the terminal: what does not print is escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value)
    )


def cited(value: object) -> str:
    """A text from outside as part of a message: `printable`, and no backtick.

    What stands between two of them in a message is offered as a command to be copied.
    """
    return printable(value).replace("`", "'")


def harmless(text: str) -> str:
    """A text that cannot steer the terminal; its lines stay lines."""
    return "\n".join(printable(line) for line in text.expandtabs().split("\n"))


def in_a_line(value: object, most: int = 300) -> str:
    """What another program or machine says: one short line that cannot steer the terminal."""
    return cited(_TOKEN.sub("***", " ".join(str(value).split())))[:most]


def unique(names: Sequence[str]) -> list[str]:
    """Names of columns, told apart where two are the same: `a`, `a_2`."""
    found: list[str] = []
    for name in names:
        number, other = 1, name
        while other in found:
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return found


def json_ready(value: object) -> object:
    """A value without what JSON has no words for."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): json_ready(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [json_ready(inner) for inner in value]
    if isinstance(value, Decimal):
        return float(value)
    return value.hex() if isinstance(value, bytes) else value
