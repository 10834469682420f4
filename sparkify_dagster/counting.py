"""Counted things in words, for whoever tells a person of them.

What belongs here: pure functions of numbers and nouns. What is counted is everybody else's.
"""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """`1 day`, `2,000 days`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
