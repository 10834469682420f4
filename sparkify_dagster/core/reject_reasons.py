"""Reasons of rejected records, as a person looks for their causes.

What belongs here: pure functions of counted reasons. Which reasons there are is
`lake.reader.record_rules`' business; where they are shown is `defs`' and `report`'s.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

_PLACE = re.compile(r" at character [0-9]+$")
"""What distinguishes reasons that have one cause."""


class Cause(NamedTuple):
    """What reasons that differ only in the place within a record have in common.

    Attributes:
        table: The table the records were meant for; blank where only one is spoken of.
    """

    reason: str
    table: str = ""


class Causes(NamedTuple):
    """Causes with their records, most first.

    Attributes:
        others: How many causes are left out.
        other_records: The records of these.
    """

    told: list[tuple[Cause, int]]
    others: int
    other_records: int


def cause_of(reason: str, table: str = "") -> Cause:
    """The cause a reason speaks of."""
    return Cause(_PLACE.sub("", reason), table)


def causes(counted: Iterable[tuple[Cause, int]], most: int) -> Causes:
    """Sums up records by cause; the rarest causes are left out, and counted.

    Args:
        most: Causes to tell at most.
    """
    records: Counter[Cause] = Counter()
    for cause, number in counted:
        records[cause] += number
    ranked = sorted(records.items(), key=lambda item: (-item[1], item[0]))
    rest = ranked[most:]
    return Causes(ranked[:most], len(rest), sum(number for _, number in rest))
