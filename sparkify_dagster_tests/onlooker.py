"""A reader in another process that looks at a warehouse again and again while it is loaded.

Each look is one transaction, and what it sees must agree with itself whatever the data is: the days
with what was last published of them, the star's tables with each other, and the star with staging
where it says that it has taken it in. What belongs here: looking, and writing down what was wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseError
from sparkify_dagster_tests.processes import processes

_PAUSE = 0.02

_PUBLISHED = """
    SELECT h.target, h.part, h.row_count, h.position FROM {s}.load_history AS h
    WHERE h.status = 'published' AND h.load_id = (SELECT MAX(l.load_id) FROM {s}.load_history AS l
        WHERE l.target = h.target AND l.part = h.part AND l.status = 'published')"""

DAYS = (
    "SELECT COUNT(*) FROM (SELECT h.part, h.row_count FROM (" + _PUBLISHED + ") AS h "
    "WHERE h.target = 'staging_events_table' AND h.row_count > 0) AS h "
    "FULL JOIN (SELECT CAST(e.log_date AS VARCHAR(10)) AS part, COUNT(*) AS staged "
    "FROM {s}.staging_events_table AS e GROUP BY e.log_date) AS d ON d.part = h.part "
    "WHERE h.row_count IS NULL OR d.staged IS NULL OR h.row_count <> d.staged"
)
SONGS = (
    "SELECT ABS((SELECT COUNT(*) FROM {s}.staging_songs_table) - (SELECT COALESCE(SUM(h.row_count)"
    ", 0) FROM (" + _PUBLISHED + ") AS h WHERE h.target = 'staging_songs_table'))"
)
POSITIONS = (
    "SELECT COUNT(DISTINCT h.position) - 1 FROM (" + _PUBLISHED + ") AS h "
    "WHERE h.position IS NOT NULL"
)
REFERENCES = """
    SELECT COUNT(*) FROM {s}.songplay AS p
    LEFT JOIN {s}."time" AS t ON t.start_time = p.start_time
    LEFT JOIN {s}."user" AS u ON u.user_id = p.user_id
    LEFT JOIN {s}.song AS s ON s.song_id || CHR(1) = p.song_id || CHR(1)
    LEFT JOIN {s}.artist AS a ON a.artist_id || CHR(1) = p.artist_id || CHR(1)
    WHERE t.start_time IS NULL OR u.user_id IS NULL
        OR p.song_id IS NOT NULL AND s.song_id IS NULL
        OR p.artist_id IS NOT NULL AND a.artist_id IS NULL"""
TIMES = (
    "SELECT ABS((SELECT COUNT(DISTINCT p.start_time) FROM {s}.songplay AS p) - "
    '(SELECT COUNT(*) FROM {s}."time"))'
)
PLAYS = (
    "SELECT CASE WHEN (SELECT MAX(h.position) FROM {s}.load_history AS h) = "
    "(SELECT MAX(h.load_id) FROM {s}.load_history AS h WHERE h.status = 'published' "
    "AND h.target IN ('staging_songs_table', 'staging_events_table')) "
    "THEN ABS((SELECT COUNT(*) FROM {s}.songplay) - (SELECT COUNT(*) FROM "
    "(SELECT DISTINCT e.user_id, e.session_id, e.item_in_session FROM {s}.staging_events_table "
    "AS e WHERE e.page = 'NextSong' AND LENGTH(e.page) = 8 AND e.user_id IS NOT NULL) AS k)) "
    "ELSE 0 END"
)
CLAIMS = {
    "a day holds other rows than its last load says": DAYS,
    "the songs are not those of their loads": SONGS,
    "the tables of the star are of different loads": POSITIONS,
    "a play refers to what is not there": REFERENCES,
    "time has not the moments of the plays": TIMES,
    "the star says that it is up to date, and is not": PLAYS,
}
"""What is wrong when a question's answer is not 0."""


@dataclass
class Seen:
    """What an onlooker saw.

    Attributes:
        looks: Looks at tables; `refused` those that the warehouse did not allow just then.
        wrong: What was wrong, a line each.
    """

    looks: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


class Onlooker:
    """A process that looks on from its making until `stop`.

    Args:
        opened: Gives the warehouse; must survive the way into another process.
    """

    def __init__(self, opened: Callable[[], Warehouse]) -> None:
        self._ours, theirs = processes().Pipe()
        self._process = processes().Process(target=look_on, args=(opened, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def stop(self) -> Seen:
        """Ends the process; what it saw."""
        self._ours.send("stop")
        assert self._ours.poll(60), "the onlooker does not answer"
        seen: Seen = self._ours.recv()
        self._process.join(60)
        return seen


def look_on(opened: Callable[[], Warehouse], told: Connection) -> None:
    """Looks until it is told to stop, then says what it saw."""
    warehouse = opened()
    seen = Seen()
    while not told.poll(_PAUSE):
        try:
            with warehouse.reading() as session:
                found = wrong_in(session)
        except WarehouseError:
            seen.refused += 1
            time.sleep(_PAUSE)
        else:
            seen.looks += 1
            seen.wrong += [line for line in found if line not in seen.wrong]
    told.send(seen)


def wrong_in(session: Session) -> list[str]:
    """What does not agree in what one transaction sees."""
    if "time" not in session.tables():
        return []
    wrong = []
    for claim, question in CLAIMS.items():
        count = session.query(question.format(s=session.schema))[0][0]
        if count not in (0, -1):  # -1: nothing was ever published.
            wrong.append(f"{claim}: {count}")
    return wrong
