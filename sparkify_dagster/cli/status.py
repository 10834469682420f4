"""`sparkify status`: the lake and the warehouse side by side.

What belongs here: gathering, one look at each, and saying in which state each log day and the song
catalogue are. `status_view` shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from sparkify_dagster.cli.console import print_json
from sparkify_dagster.cli.etl import not_read
from sparkify_dagster.cli.failed import CATALOGUE
from sparkify_dagster.cli.home import runs_told
from sparkify_dagster.cli.rows import count_rows
from sparkify_dagster.cli.status_types import LakeStatus, PartStatus, State, Status, WarehouseStatus
from sparkify_dagster.cli.status_view import show_status
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.errors import CloudError
from sparkify_dagster.defs.sensors.triggers import held_back
from sparkify_dagster.factory import covered, open_lake, open_warehouse
from sparkify_dagster.lake.changes import NOTHING, Part, empty_part, objects_in
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.model.catalog import STAGING
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.pipeline.plan import Hidden, clock_problem, hidden_parts, with_hidden
from sparkify_dagster.pipeline.star import is_behind
from sparkify_dagster.pipeline.suppress import left_out
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, WarehouseMissing
from sparkify_dagster.warehouse.ledger import Entry
from sparkify_dagster.warehouse.standing import Failure, Standing, standing

_WORST_FIRST: tuple[State, ...] = ("failed", "not known", "changed", "gone", "new", "loaded")


@dataclass(slots=True)
class _LedgerState:
    """Latest entries of the ledger by target and part."""

    published: dict[tuple[str, str], Entry] = field(default_factory=dict)
    failed: dict[tuple[str, str], Entry] = field(default_factory=dict)
    tries: dict[tuple[str, str], Failure] = field(default_factory=dict)
    latest_day: str = ""
    hidden: Hidden = field(default_factory=dict)


def run_status(settings: Settings, *, as_json: bool) -> None:
    """Prints where things stand."""
    found = look(settings)
    if as_json:
        print_json(asdict(found))
    else:
        show_status(found)


def look(settings: Settings) -> Status:
    """Looks at the lake and at the ledger; a lake that cannot be used is told, not raised.

    Raises:
        WarehouseError: The warehouse is there and cannot be opened.
    """
    with watching():
        listing, problem = _listing(settings)
        warehouse, held = _look_at_warehouse(settings, listing)
    snapshot = listing and with_hidden(listing.reaching(held.latest_day), held.hidden)
    lake = _lake_status(settings, snapshot, held, problem)
    songs = snapshot.songs if snapshot else None
    attempts = settings.sensor.attempts
    parts = _parts(STAGING_SONGS.name, songs, held, attempts)
    days = _parts(STAGING_EVENTS.name, snapshot.days if snapshot else None, held, attempts)
    everything = all(part.state == "loaded" for part in [*parts, *days])
    known = lake.problem is None and bool(parts or days)
    up_to_date = known and everything and warehouse.star == "up to date"
    runs = runs_told()
    notes = [*runs.notes, *([runs.problem] if runs.problem else [])]
    return Status(up_to_date, lake, warehouse, _as_one(parts), days, runs.lost, notes)


def _listing(settings: Settings) -> tuple[Snapshot | None, str]:
    """The lake as it is listed, or why it cannot be."""
    try:
        return open_lake(settings).snapshot(), ""
    except (LakeError, CloudError) as error:
        return None, str(error)


def _lake_status(
    settings: Settings, snapshot: Snapshot | None, held: _LedgerState, problem: str
) -> LakeStatus:
    places, days = settings.s3, covered(settings, held.latest_day)
    told = LakeStatus(
        places.song_data, places.log_data, places.log_jsonpath, str(days.first), str(days.last)
    )
    told.problem = problem or None
    if snapshot is None:
        return told
    told.song_objects, told.song_bytes = _sizes(snapshot.songs.values())
    told.log_objects, told.log_bytes = _sizes(snapshot.days.values())
    told.log_days = len(snapshot.days)
    told.unroutable = [{"object": item.key, "reason": item.reason} for item in snapshot.unroutable]
    told.not_read, told.told = not_read(snapshot), snapshot.told
    return told


def _look_at_warehouse(
    settings: Settings, listing: Snapshot | None
) -> tuple[WarehouseStatus, _LedgerState]:
    warehouse = open_warehouse(settings)
    told = WarehouseStatus(warehouse.engine, warehouse.location, warehouse.schema)

    def look(session: Session) -> _LedgerState:
        there, now = ledger.ready_tables(session), standing(session)
        held = _LedgerState()
        held.published = {(e.target, e.part): e for e in ledger.latest(session)}
        held.failed = {(e.target, e.part): e for e in ledger.latest(session, "failed")}
        for table in STAGING:
            found = now.failures(table.name)
            held.tries |= {(table.name, part): failure for part, failure in found.items()}
        held.latest_day = now.latest_day
        held.hidden = hidden_parts(session, listing.aside if listing else {})
        clock, newest = ledger.utc_now(), now.newest
        told.clock = clock_problem(clock, newest) or None
        if newest:
            loaded, at = (when.replace(tzinfo=UTC).timestamp() for when in (newest, clock))
            told.held_back = held_back(loaded, settings.sensor.load_every, at) or None
        told.exists = True
        told.tables = count_rows(session)
        if now.last_published() > 0:
            aliases = listing.aliases.token if listing else None
            behind = is_behind(there, now, aliases) or _is_to_search(now, listing)
            told.star = "behind" if behind else "up to date"
        return held

    try:
        return told, warehouse.read_only(look)
    except WarehouseMissing:
        return told, _LedgerState()


def _parts(
    target: str, lake: Mapping[str, Part] | None, held: _LedgerState, attempts: int
) -> list[PartStatus]:
    """The parts of one target, those of the lake and those that are loaded.

    Args:
        attempts: How often a failing load is tried by itself.
    """
    names = {part for name, part in (*held.published, *held.failed) if name == target}
    names |= set(lake or {})
    told = []
    for name in sorted(names):
        published, failed = held.published.get((target, name)), held.failed.get((target, name))
        part = lake.get(name, empty_part(name)) if lake is not None else None
        if _is_void(part, published, failed):
            continue
        status = _part_status(name, part, published, failed)
        tries = held.tries.get((target, name))
        if tries is not None and status.state == "failed":
            still = part is None or part.digest == tries.digest
            tried = tries.attempts if still else 0
            status = replace(status, attempts=tried, given_up=tried >= attempts)
        told.append(status)
    return told


def _is_void(part: Part | None, published: Entry | None, failed: Entry | None) -> bool:
    """Whether there is nothing of it anywhere: it came, went, and the warehouse followed."""
    gone = (part is None or part.digest == NOTHING) and (
        published is None or published.digest == NOTHING
    )
    return gone and not _failed_last(published, failed)


def state_of(part: Part | None, published: Entry | None, failed: Entry | None) -> State:
    """In which state a part is.

    Args:
        part: What the lake holds of it; None when the lake cannot be seen.
        published: Its latest published entry in the ledger.
        failed: Its latest failed one.
    """
    if _failed_last(published, failed):
        return "failed"
    if part is None:
        return "not known"
    before = published.digest if published else NOTHING
    if part.digest == before:
        return "loaded"
    if part.digest == NOTHING:
        return "gone"
    return "new" if before == NOTHING else "changed"


def _failed_last(published: Entry | None, failed: Entry | None) -> bool:
    return failed is not None and (published is None or published.load_id < failed.load_id)


def _is_to_search(now: Standing, listing: Snapshot | None) -> bool:
    """Whether the document of forgotten people says something else than when it was looked at."""
    if listing is None:
        return False
    left = left_out(now)
    return left.searched != listing.forgotten.token or bool(left.of_others(listing.forgotten))


def _part_status(
    name: str, part: Part | None, published: Entry | None, failed: Entry | None
) -> PartStatus:
    state = state_of(part, published, failed)
    trouble = failed if state == "failed" else None
    entry = trouble or published
    return PartStatus(
        name=name,
        state=state,
        objects=len(part.objects) if part else None,
        bytes=part.size if part else None,
        records=published.records if published else 0,
        rows=published.row_count if published else 0,
        rejects=published.rejects if published else 0,
        loaded_at=_moment(published.loaded_at) if published else None,
        failed_at=_moment(trouble.loaded_at) if trouble else None,
        message=trouble.message if trouble else None,
        run_id=entry.run_id if entry else None,
    )


def _as_one(parts: Sequence[PartStatus]) -> PartStatus | None:
    """The parts of the song catalogue as one."""
    if not parts:
        return None
    worst = min(parts, key=lambda part: _WORST_FIRST.index(part.state))
    loaded = [part.loaded_at for part in parts if part.loaded_at]
    return PartStatus(
        name=CATALOGUE,
        state=worst.state,
        objects=_sum(part.objects for part in parts),
        bytes=_sum(part.bytes for part in parts),
        records=sum(part.records for part in parts),
        rows=sum(part.rows for part in parts),
        rejects=sum(part.rejects for part in parts),
        loaded_at=max(loaded, default=None),
        failed_at=worst.failed_at,
        message=worst.message,
        attempts=worst.attempts,
        given_up=worst.given_up,
        run_id=worst.run_id,
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Their sum; None when none of them is known."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _sizes(parts: Iterable[Part]) -> tuple[int, int]:
    held = list(parts)
    return objects_in(held), sum(part.size for part in held)


def _moment(when: datetime | None) -> str | None:
    return f"{when.isoformat(timespec='seconds')}Z" if when else None
