"""What `sparkify status` found, as values: of the lake, the warehouse and each part.

What belongs here: the shapes, which `--json` prints as they are. Finding is `status`' affair,
showing `status_view`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

State = Literal["loaded", "new", "changed", "gone", "failed", "not known"]


@dataclass(frozen=True, slots=True)
class PartStatus:
    """A log day, or the song catalogue.

    Attributes:
        state: `loaded`: the warehouse holds what the lake holds. `new`, `changed`, `gone`: it does
            not yet. `failed`: the last load failed; what was published before stays. `not known`:
            it was loaded, but the lake cannot be seen.
        objects: Objects in the lake now, None when it cannot be seen; bytes likewise.
        records: Records as last published; rows and rejects likewise.
        message: Why the last load failed.
        attempts: How often in a row loading what is there now has failed.
        given_up: It is not tried again by itself until the lake changes.
    """

    name: str
    state: State
    objects: int | None
    bytes: int | None
    records: int
    rows: int
    rejects: int
    loaded_at: str | None
    failed_at: str | None
    message: str | None
    run_id: str | None
    attempts: int = 0
    given_up: bool = False


@dataclass(slots=True)
class LakeStatus:
    """What the lake holds.

    Attributes:
        problem: Why it cannot be used, if it cannot; the numbers are then 0.
        not_read: What is there and not read, by setting; `told` says it in sentences.
        first_day: First log day that is loaded.
        last_day: Last one; where the settings leave it open today, or the latest that was loaded.
    """

    song_data: str
    log_data: str
    log_jsonpath: str
    first_day: str
    last_day: str
    problem: str | None = None
    song_objects: int = 0
    song_bytes: int = 0
    log_days: int = 0
    log_objects: int = 0
    log_bytes: int = 0
    unroutable: list[dict[str, str]] = field(default_factory=list)
    not_read: list[dict[str, object]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@dataclass(slots=True)
class WarehouseStatus:
    """What the warehouse holds.

    Attributes:
        exists: Something was loaded, or tables were made.
        tables: Rows of each table that is there.
        star: Whether star and marts have taken in all of staging.
        clock: What is to be said of this machine's clock, if it is behind the history.
        held_back: Why nothing is loaded by itself yet, if LOAD_EVERY is why.
    """

    engine: str
    location: str
    schema: str
    exists: bool = False
    tables: dict[str, int] = field(default_factory=dict)
    star: Literal["up to date", "behind", "not built"] = "not built"
    clock: str | None = None
    held_back: str | None = None


@dataclass(slots=True)
class Status:
    """Everything `sparkify status` tells.

    Attributes:
        up_to_date: The warehouse holds what the lake holds, star included.
        lost_runs: What is to be said of each run whose process is gone and whose record says
            otherwise.
        run_notes: Of runs that wait or begin, and of those that broke off in the last day; or why
            Dagster's history tells nothing.
    """

    up_to_date: bool
    lake: LakeStatus
    warehouse: WarehouseStatus
    catalogue: PartStatus | None
    days: list[PartStatus]
    lost_runs: list[str] = field(default_factory=list)
    run_notes: list[str] = field(default_factory=list)
