"""What a publication did to a table of the star or to a mart.

What belongs here: just these few words, which `star` and `marts` share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["rebuild", "refresh", "nothing"]
"""All rows made anew; only those that may have changed; none, as nothing changed."""


@dataclass(frozen=True, slots=True)
class TableResult:
    """What a publication did to one table.

    Attributes:
        how: Which of its rows were made anew.
        rows: Rows it holds now.
        added: Rows written.
        removed: Rows taken out or replaced.
    """

    how: Mode
    rows: int
    added: int
    removed: int
