"""One line of what `sparkify doctor` says.

What belongs here: the line alone, for the rooms that ask the questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "not looked at"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one check says.

    Attributes:
        next_step: What to do about it; blank when all is well.
        statement: The statement it is about, whole, if it is about one.
    """

    check: str
    state: State
    found: str
    next_step: str = ""
    statement: str = ""
