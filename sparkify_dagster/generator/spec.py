"""What a generated lake should be, what it became, and the limits of both.

Plain values and their checks only; no randomness and no files.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

MAX_SONGS = 1_000_000
MAX_EVENTS = 20_000_000
MAX_DAYS = 3_660
FIRST_START = date(1971, 1, 1)


@dataclass(frozen=True)
class LakeSpec:
    """The wanted lake. Equal specs give equal bytes, on any machine.

    Args:
        songs: Song objects in the catalogue, 0 to 1,000,000.
        events: Log lines over all days, 0 to 20,000,000; exact unless `mess` is set.
        days: Length of the logs in calendar days (UTC), 1 to 3,660. A day on which nobody came
            has no file, which happens only when there are few events for the days asked.
        seed: Any integer from 0 up; another seed gives another lake of the same shape.
        start: First log day.
        mess: Add broken lines, duplicates, late deliveries and stray files, in amounts that
            stay well below the 10 % of rejects at which a load fails.

    Raises:
        ValueError: A value is out of its range; the message names it and the range.
    """

    songs: int = 200
    events: int = 20_000
    days: int = 30
    seed: int = 42
    start: date = date(2018, 11, 1)
    mess: bool = False

    def __post_init__(self) -> None:
        """Check every value, so that a spec that exists can be generated."""
        _check_range("songs", self.songs, 0, MAX_SONGS)
        _check_range("events", self.events, 0, MAX_EVENTS)
        _check_range("days", self.days, 1, MAX_DAYS)
        _check_range("seed", self.seed, 0, None)
        _check_start(self.start, self.days)


@dataclass(frozen=True)
class GeneratedLake:
    """What was written.

    Attributes:
        root: The folder that holds `song_data`, `log_data` and `log_json_path.json`.
        song_objects: Song objects a load would list (no stray files).
        log_objects: Log objects with a log day (no stray files).
        events: Records in those log objects: non-blank lines, so with `mess` broken and
            repeated ones count too.
        bytes: Size of all files written, strays included.
    """

    root: Path
    song_objects: int
    log_objects: int
    events: int
    bytes: int


def _check_range(name: str, value: int, least: int, most: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, not {value!r}.")
    if value < least or (most is not None and value > most):
        wanted = f"at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise ValueError(f"{name} must be {wanted}, not {value:,}.")


def _check_start(start: date, days: int) -> None:
    # A datetime is a date to Python, but it prints with its time, file names included.
    if not isinstance(start, date) or isinstance(start, datetime):
        raise ValueError(f"start must be a date, not {start!r}.")
    last_start = date.max - timedelta(days=days)
    if not FIRST_START.toordinal() <= start.toordinal() <= last_start.toordinal():
        raise ValueError(
            f"start must be from {FIRST_START} to {last_start} for {days:,} days, not {start}."
        )
