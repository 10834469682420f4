"""Reading and writing the ledger: history, objects, rejects, keys of replaced rows.

What belongs here: the statements on the ledger tables. Deciding what to load is `lake.changes`',
loading is `pipeline.publish`'s and `pipeline.star`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any, Literal

import pyarrow as pa

from sparkify_dagster.lake.reader.reader import READER_VERSION
from sparkify_dagster.lake.reader.records import ARROW_TYPES
from sparkify_dagster.model.catalog import STAGING, TABLES, model_version
from sparkify_dagster.model.ddl import qualified
from sparkify_dagster.model.ledger import LEDGER
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse.engine import Row, Session, WarehouseMissing

Status = Literal["published", "failed"]
FAILED = "failed"
"""In place of the digest of a part whose last load failed."""


_LONGEST = 4096
"""Bytes that the long texts of `load_history` may have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `load_history`; see `model.ledger` for what the fields mean."""

    target: str
    part: str
    status: Status
    digest: str
    objects: int = 0
    bytes: int = 0
    records: int = 0
    row_count: int = 0
    rejects: int = 0
    unknown_fields: Mapping[str, int] | None = None
    message: str | None = None
    position: int | None = None
    load_id: int = 0
    run_id: str | None = None
    loaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoadedObject:
    """An object as it was last loaded; see `load_objects` in `model.ledger`."""

    part: str
    size: int
    token: str
    records: int
    rejects: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Loads of a part that failed since it was last published.

    Attributes:
        digest: What the last of them tried to load.
        attempts: How many of them, in a row, tried just that.
        last: When the last one failed, UTC.
    """

    digest: str
    attempts: int
    last: datetime


@dataclass(frozen=True, slots=True)
class StarPosition:
    """What a star table has taken in, and by which version of the model.

    Attributes:
        load_id: The last staging load, or None when the table was never published.
    """

    load_id: int | None
    version: str | None


def utc_now() -> datetime:
    """The present moment in UTC, without a zone, as the warehouse keeps times."""
    return datetime.now(UTC).replace(tzinfo=None)


def relation(session: Session, table: str) -> str:
    """The qualified name of a table."""
    return qualified(session.schema, table)


def one_of(column: str, choices: Sequence[object]) -> tuple[str, Mapping[str, object]]:
    """A condition that a column has one of some values, and the values to bind."""
    names = {f"v{number}": choice for number, choice in enumerate(choices)}
    return f"{column} IN ({', '.join('$' + name for name in names)})", names


def is_ready(session: Session) -> bool:
    """Whether the staging tables and the ledger are there.

    Raises:
        WarehouseMissing: They are not: nothing was ever loaded here, or a table was dropped.
    """
    there = session.tables()
    if "load_history" not in there:
        raise WarehouseMissing(
            f"no tables in schema {session.schema} yet. Load them with `sparkify etl`."
        )
    for table in (*STAGING, *LEDGER):
        if table.name not in there:
            raise WarehouseMissing(
                f"table {session.schema}.{table.name} is gone. `sparkify etl` makes it anew, and "
                "loads everything again."
            )
    return True


def next_load_id(session: Session) -> int:
    """A number greater than that of every load recorded so far."""
    history = relation(session, "load_history")
    return int(session.query(f"SELECT COALESCE(MAX(h.load_id), 0) + 1 FROM {history} AS h")[0][0])


def holds(session: Session, load_id: int, run_id: str) -> bool:
    """Whether a run's load of that number was recorded."""
    if "load_history" not in session.tables():
        return False
    rows = session.query(
        f"SELECT 1 FROM {relation(session, 'load_history')} AS h "
        "WHERE h.load_id = $load_id AND h.run_id = $run_id LIMIT 1",
        {"load_id": load_id, "run_id": run_id},
    )
    return bool(rows)


def latest(session: Session, status: Status = "published") -> list[Entry]:
    """The latest entry of that status for each target and part."""
    history = relation(session, "load_history")
    names = [c.name for c in TABLES["load_history"].columns if not c.name.endswith("_version")]
    rows = session.query(
        f"SELECT {', '.join(f'h.{name}' for name in names)} FROM {history} AS h JOIN ("
        f"SELECT l.target, l.part, MAX(l.load_id) AS load_id FROM {history} AS l "
        "WHERE l.status = $status GROUP BY l.target, l.part) AS n ON n.target = h.target "
        "AND n.part = h.part AND n.load_id = h.load_id WHERE h.status = $status "
        "ORDER BY h.target, h.part",
        {"status": status},
    )
    return [_entry(dict(zip(names, row, strict=True))) for row in rows]


def loaded_digests(session: Session, target: str) -> dict[str, str]:
    """The digest of each part of a staging table as it was last published.

    A part whose last load failed has `FAILED`, which no part of a lake has: it is loaded again
    whatever the lake holds, even if its objects are gone, so that its rejects go with them.
    """
    history = relation(session, "load_history")
    rows = session.query(
        f"SELECT h.part, h.digest, h.status FROM {history} AS h JOIN ("
        f"SELECT l.part, MAX(l.load_id) AS load_id FROM {history} AS l WHERE l.target = $target "
        "GROUP BY l.part) AS n ON n.part = h.part AND n.load_id = h.load_id "
        "WHERE h.target = $target",
        {"target": target},
    )
    return {part: digest if status == "published" else FAILED for part, digest, status in rows}


def failures(session: Session, target: str) -> dict[str, Failure]:
    """The parts of a staging table whose last load failed, with how often."""
    history = relation(session, "load_history")
    rows = session.query(
        f"SELECT h.part, h.digest, h.loaded_at FROM {history} AS h LEFT JOIN ("
        f"SELECT l.part, MAX(l.load_id) AS load_id FROM {history} AS l "
        "WHERE l.target = $target AND l.status = 'published' GROUP BY l.part) AS p "
        "ON p.part = h.part WHERE h.target = $target AND h.status = 'failed' "
        "AND h.load_id > COALESCE(p.load_id, 0) ORDER BY h.part, h.load_id",
        {"target": target},
    )
    found: dict[str, Failure] = {}
    for part, digest, when in rows:
        before = found.get(part)
        again = before.attempts if before is not None and before.digest == digest else 0
        found[part] = Failure(digest, again + 1, when)
    return found


def horizon(session: Session) -> tuple[str, datetime | None]:
    """The latest log day that was ever published, blank for none, and when the newest entry is of.

    Both are by the clocks of those who loaded.
    """
    rows = session.query(
        "SELECT MAX(CASE WHEN h.target = $target AND h.status = 'published' THEN h.part END), "
        f"MAX(h.loaded_at) FROM {relation(session, 'load_history')} AS h",
        {"target": STAGING[1].name},
    )
    return rows[0][0] or "", rows[0][1]


def loaded_objects(session: Session, target: str, parts: Sequence[str]) -> dict[str, LoadedObject]:
    """Every object loaded from the given parts, by key."""
    if not parts:
        return {}
    where, values = one_of("o.part", parts)
    rows = session.query(
        "SELECT o.object, o.part, o.size, o.token, o.records, o.rejects "
        f"FROM {relation(session, 'load_objects')} AS o "
        f"WHERE o.target = $target AND {where}",
        {"target": target, **values},
    )
    return {key: LoadedObject(*rest) for key, *rest in rows}


def parts_below(session: Session, target: str, folders: frozenset[str]) -> dict[str, set[str]]:
    """The parts that hold objects from below any of some folders, and which of these."""
    if not folders:
        return {}
    rows = session.query(
        f"SELECT o.object, o.part FROM {relation(session, 'load_objects')} AS o "
        "WHERE o.target = $target AND o.object LIKE '%/%'",
        {"target": target},
    )
    found: dict[str, set[str]] = {}
    for key, part in rows:
        above = accumulate(key.split("/")[:-1], lambda folder, name: f"{folder}/{name}")
        if hit := folders.intersection(above):
            found.setdefault(part, set()).update(hit)
    return found


def current_parts(session: Session, target: str) -> set[str]:
    """The parts of a staging table that were last published by today's reader and model."""
    history = relation(session, "load_history")
    rows = session.query(
        f"SELECT h.part FROM {history} AS h JOIN (SELECT l.part, MAX(l.load_id) AS load_id "
        f"FROM {history} AS l WHERE l.target = $target AND l.status = 'published' "
        "GROUP BY l.part) AS n ON n.part = h.part AND n.load_id = h.load_id "
        "WHERE h.target = $target AND h.reader_version = $reader AND h.model_version = $model",
        {"target": target, "reader": READER_VERSION, "model": model_version(target)},
    )
    return {part for (part,) in rows}


def loaded_records(session: Session, target: str) -> dict[str, tuple[int, int]]:
    """Records and rejects of each part of a staging table, as loaded."""
    rows = session.query(
        "SELECT o.part, COALESCE(SUM(o.records), 0), COALESCE(SUM(o.rejects), 0) "
        f"FROM {relation(session, 'load_objects')} AS o WHERE o.target = $target GROUP BY o.part",
        {"target": target},
    )
    return {part: (int(records), int(rejects)) for part, records, rejects in rows}


def reject_reasons(session: Session, target: str, load_id: int | None) -> dict[str, dict[str, int]]:
    """How many published records were rejected for each reason, most first, by log day.

    Args:
        load_id: Only what this load has rejected; None for all that stands.

    Returns:
        By day as `YYYY-MM-DD`; the song catalogue, which has no days, stands under `all`.
    """
    only = "" if load_id is None else f"AND j.load_id = {load_id:d} "
    rows = session.query(
        f"SELECT j.log_date, j.reason, COUNT(*) FROM {relation(session, 'load_rejects')} AS j "
        f"WHERE j.target_table = $target AND j.published {only}"
        "GROUP BY j.log_date, j.reason ORDER BY COUNT(*) DESC, j.reason",
        {"target": target},
    )
    found: dict[str, dict[str, int]] = {}
    for day, reason, records in rows:
        found.setdefault(str(day) if day else "all", {})[reason] = int(records)
    return found


def star_positions(session: Session, tables: Iterable[Table]) -> dict[str, StarPosition]:
    """What each star table has taken in."""
    history = relation(session, "load_history")
    rows = session.query(
        f"SELECT h.target, h.position, h.model_version FROM {history} AS h JOIN ("
        f"SELECT l.target, MAX(l.load_id) AS load_id FROM {history} AS l "
        "WHERE l.status = 'published' AND l.position IS NOT NULL GROUP BY l.target) AS n "
        "ON n.target = h.target AND n.load_id = h.load_id WHERE h.position IS NOT NULL"
    )
    found = {target: StarPosition(position, version) for target, position, version in rows}
    return {table.name: found.get(table.name, StarPosition(None, None)) for table in tables}


def staging_position(session: Session) -> int:
    """The last published load of a staging table; 0 when there is none."""
    return last_published(session, STAGING)


def last_published(session: Session, tables: Iterable[Table]) -> int:
    """The last published load of any of the tables; 0 when there is none."""
    targets = ", ".join(f"'{table.name}'" for table in tables)
    history = relation(session, "load_history")
    rows = session.query(
        f"SELECT COALESCE(MAX(h.load_id), 0) FROM {history} AS h "
        f"WHERE h.status = 'published' AND h.target IN ({targets})"
    )
    return int(rows[0][0])


def record(session: Session, entries: Sequence[Entry], load_id: int, run_id: str) -> None:
    """Writes history entries under one load."""
    now = utc_now()
    rows = [
        (
            load_id,
            e.target,
            e.part,
            e.status,
            e.digest,
            e.objects,
            e.bytes,
            e.records,
            e.row_count,
            e.rejects,
            unknown_as_text(e.unknown_fields) if e.unknown_fields else None,
            _cut(e.message) if e.message else None,
            e.position,
            READER_VERSION,
            model_version(e.target),
            run_id,
            now,
        )
        for e in entries
    ]
    append_rows(session, "load_history", rows)


def unknown_as_text(unknown: Mapping[str, int], most: int = _LONGEST) -> str:
    """Unknown fields as a JSON object of at most so many bytes.

    The most frequent come first; where not all find room, `…` counts the names left out.
    """
    kept: dict[str, int] = {}
    named = {name: records for name, records in unknown.items() if name != "…"}
    left_out = unknown.get("…", 0) + len(named)
    size = len(json.dumps({"…": left_out})) + 2
    for name, records in sorted(named.items(), key=lambda item: (-item[1], item[0])):
        size += len(json.dumps({name: records}))
        if size > most:
            break
        kept[name] = records
        left_out -= 1
    return json.dumps(kept | ({"…": left_out} if left_out else {}))


def append_rows(session: Session, table: str, rows: Sequence[Row]) -> None:
    """Adds Python rows to a ledger table, in its columns' order."""
    if rows:
        names = [column.name for column in TABLES[table].columns]
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        append_columns(session, table, columns, len(rows))


def append_columns(session: Session, table: str, values: Mapping[str, Any], number: int) -> None:
    """Adds rows to a ledger table, given column by column.

    Args:
        values: All values of each column, in Python's types or Arrow's; or the one that all rows
            have.
        number: How many rows there are.
    """
    if number:
        types = {c.name: ARROW_TYPES[c.type] for c in TABLES[table].columns}
        arrays = [_column(values[name], kind, number) for name, kind in types.items()]
        rows = pa.Table.from_arrays(arrays, list(types))
        session.append(relation(session, table), list(types), rows)


def _column(values: Any, kind: pa.DataType, number: int) -> pa.Array:
    if isinstance(values, (str, int, datetime)):
        return pa.repeat(pa.scalar(values, kind), number)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        as_it_is = pa.types.is_dictionary(values.type) or pa.types.is_large_string(values.type)
        return values if as_it_is else values.cast(kind)
    return pa.array(values, kind)


def prune(session: Session, keep_days: int, now: datetime) -> int:
    """Drops history older than `keep_days` that no longer says how things stand.

    What stays is the last published entry of each part, and those of loads that failed since.
    Rejects of failed loads older than that go.

    Returns:
        The number of history rows dropped.
    """
    history = relation(session, "load_history")
    before = {"before": now - timedelta(days=keep_days)}
    session.execute(
        f"DELETE FROM {relation(session, 'load_rejects')} WHERE NOT published "
        "AND rejected_at < $before",
        before,
    )
    return session.execute(
        f"DELETE FROM {history} WHERE loaded_at < $before AND load_id NOT IN ("
        f"SELECT h.load_id FROM {history} AS h LEFT JOIN ("
        f"SELECT l.target, l.part, MAX(l.load_id) AS load_id FROM {history} AS l "
        "WHERE l.status = 'published' GROUP BY l.target, l.part) AS p "
        "ON p.target = h.target AND p.part = h.part "
        "WHERE h.load_id >= COALESCE(p.load_id, 0))",
        before,
    )


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST].decode(errors="ignore")


def _entry(row: dict[str, object]) -> Entry:
    unknown = row.pop("unknown_fields")
    return Entry(**row, unknown_fields=json.loads(str(unknown)) if unknown else None)  # type: ignore[arg-type]


def day_or_none(part: str, target: str) -> date | None:
    """The log day a part stands for; None for the song catalogue."""
    return date.fromisoformat(part) if target == STAGING[1].name else None
