"""Events as lines of NDJSON: ready-made fragments picked by number and joined.

How an event looks, field by field in the order of the model's columns. A million events take about
a second because nothing is encoded here that is the same for two events.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkify_dagster.generator.events import EventTable
from sparkify_dagster.generator.listeners import Listeners
from sparkify_dagster.generator.records import LOG_FIELDS, encoded
from sparkify_dagster.generator.tracks import Tracks
from sparkify_dagster.generator.words import words
from sparkify_dagster.model.staging import STAGING_EVENTS

Fragments = npt.NDArray[np.object_]
Column = npt.NDArray[np.integer]

# Name, method and status of each page, in the order of `Page`.
_PAGES = (
    ("NextSong", "PUT", 200), ("Home", "GET", 200), ("Login", "PUT", 307), ("Logout", "PUT", 307),
    ("Settings", "GET", 200), ("Save Settings", "PUT", 307), ("Help", "GET", 200),
    ("About", "GET", 200), ("Error", "GET", 404), ("Upgrade", "GET", 200),
    ("Submit Upgrade", "PUT", 307), ("Downgrade", "GET", 200), ("Submit Downgrade", "PUT", 307),
)  # fmt: skip


class LineEncoder:
    """Turns rows of an event table into log lines."""

    def __init__(self, table: EventTable, listeners: Listeners, tracks: Tracks) -> None:
        """Encode every value that fields can have, but for the numbers that hardly come twice."""
        pages = dict(zip(("page", "method", "status"), zip(*_PAGES, strict=True), strict=True))
        # Columns of the table, and for fields the values among which their numbers choose.
        sources: tuple[tuple[Column, Mapping[str, Sequence[Any]]], ...] = (
            (table.tracks, tracks.values),
            (table.listeners, listeners.values),
            (table.pages, pages),
            (table.paid, {"level": ("free", "paid")}),
            (table.agents, {"userAgent": (*words().user_agents, None)}),
            (table.items, {"itemInSession": [*range(int(table.items.max(initial=0)) + 1)]}),
            (table.sessions, {"sessionId": ()}),
            (table.times, {"ts": ()}),
        )
        source_of = {name: at for at, (_, values) in enumerate(sources) for name in values}
        missing = set(LOG_FIELDS) - set(source_of)
        assert not missing, f"{STAGING_EVENTS.name} reads {missing}: give them a source here"
        self._parts: list[tuple[Column, Fragments | tuple[str, str]]] = []
        # Neighbours that one number chooses are one fragment.
        for at, names in groupby(LOG_FIELDS, source_of.__getitem__):
            column, values = sources[at]
            self._parts.append((column, _fragments({name: values[name] for name in names})))

    def encode(self, first: int, after: int) -> bytes:
        """The lines of rows `first` to `after - 1`, each ended by a line feed."""
        parts = np.empty((after - first, len(self._parts)), dtype=object)
        for at, (column, known) in enumerate(self._parts):
            chosen = column[first:after]
            if isinstance(known, tuple):
                before, end = known
                parts[:, at] = [f"{before}{number}{end}" for number in chosen.tolist()]
            else:
                parts[:, at] = known[chosen]
        return "".join(parts.ravel().tolist()).encode()


def _fragments(fields: Mapping[str, Sequence[Any]]) -> Fragments | tuple[str, str]:
    """What stands in a line for neighbouring fields: one text for each of their values.

    Without values: what stands before and after a whole number.
    """
    before = "{" if LOG_FIELDS[0] in fields else ","
    end = "}\n" if LOG_FIELDS[-1] in fields else ""
    if not any(fields.values()):
        return f'{before}"{next(iter(fields))}":', end
    # The sample's logs are ASCII only, and have `\/` for `/`.
    texts = (",".join(row).replace("/", "\\/") for row in encoded(fields, ":"))
    return np.array([f"{before}{text}{end}" for text in texts], dtype=object)
