"""Events as lines of NDJSON: ready-made fragments picked by number and joined.

The layout of a line, field by field in the sample's order. A million events take about a second
because nothing is encoded here that is the same for two events.
"""

import numpy as np
import numpy.typing as npt

from sparkify_dagster.generator.events import EventTable, Page
from sparkify_dagster.generator.listeners import Listeners
from sparkify_dagster.generator.tracks import Fragments, Tracks, fragments

# Name, method and status of each page, in the order of `Page`.
_PAGES = (
    ("NextSong", "PUT", 200), ("Home", "GET", 200), ("Login", "PUT", 307), ("Logout", "PUT", 307),
    ("Settings", "GET", 200), ("Save Settings", "PUT", 307), ("Help", "GET", 200),
    ("About", "GET", 200), ("Error", "GET", 404), ("Upgrade", "GET", 200),
    ("Submit Upgrade", "PUT", 307), ("Downgrade", "GET", 200), ("Submit Downgrade", "PUT", 307),
)  # fmt: skip
_PARTS = 13


class LineEncoder:
    """Turns rows of an event table into log lines."""

    def __init__(self, table: EventTable, listeners: Listeners, tracks: Tracks) -> None:
        """Prepare the fragments that depend on pages and item numbers."""
        assert len(_PAGES) == len(Page)
        self._table, self._listeners, self._tracks = table, listeners, tracks
        self._methods = fragments(
            f'"{method}","page":"{name}","registration":' for name, method, _ in _PAGES
        )
        self._statuses = fragments(f'{status},"ts":' for _, _, status in _PAGES)
        self._numbers = fragments(map(str, range(int(table.items.max(initial=0)) + 1)))

    def encode(self, first: int, after: int) -> bytes:
        """The lines of rows `first` to `after - 1`, each ended by a line feed."""
        table, people, tracks = self._table, self._listeners, self._tracks
        rows = slice(first, after)
        who, pages, chosen = table.listeners[rows], table.pages[rows], table.tracks[rows]
        parts = np.empty((after - first, _PARTS), dtype=object)
        parts[:, 0] = tracks.heads[chosen]
        parts[:, 1] = people.before_item[who]
        parts[:, 2] = self._numbers[table.items[rows]]
        parts[:, 3] = people.before_length[who]
        parts[:, 4] = tracks.lengths[chosen]
        parts[:, 5] = people.before_method[table.levels[rows]]
        parts[:, 6] = self._methods[pages]
        parts[:, 7] = people.before_session[who]
        parts[:, 8] = _digits(table.sessions[rows])
        parts[:, 9] = tracks.songs[chosen]
        parts[:, 10] = self._statuses[pages]
        parts[:, 11] = _digits(table.times[rows])
        parts[:, 12] = people.endings[table.devices[rows]]
        return b"".join(parts.ravel().tolist())


def _digits(numbers: npt.NDArray[np.integer]) -> Fragments:
    """Whole numbers in decimal, as bytes."""
    array = np.empty(len(numbers), dtype=object)
    array[:] = [b"%d" % number for number in numbers.tolist()]
    return array
