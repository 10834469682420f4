"""Reading what a sensor remembers from its cursor, which somebody may have written by hand.

What belongs here: just that. What is remembered, and what follows from it, is each sensor's.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

_Memory = TypeVar("_Memory")


@cache  # Building one takes longer than a thousand readings.
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_cursor(kind: type[_Memory], cursor: str | None) -> _Memory | None:
    """The memory in a cursor; None for none, or for one that is not of that kind to the letter."""
    try:
        given: Any = kind
        memory: _Memory = _adapter(given).validate_json(cursor or "", strict=True)
    except ValidationError:
        return None
    return memory
