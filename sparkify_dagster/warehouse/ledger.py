"""Reading and writing the ledger: history, objects, rejects, keys of replaced rows.

What belongs here: what is asked of the ledger tables and written to them (the statements stand in
`model/sql/ledger`). Deciding what to load is `lake.changes`',
loading is `pipeline.publish`'s and `pipeline.star`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.reader.reader import READER_VERSION
from sparkify_dagster.lake.reader.records import ARROW_TYPES
from sparkify_dagster.model.catalog import (
    GENERATION,
    KEPT,
    STAGING,
    TABLES,
    design_version,
    model_version,
)
from sparkify_dagster.model.ddl import Names, qualified, relations
from sparkify_dagster.model.ledger import DESIGN, LEDGER, MODEL, SUPPRESSED
from sparkify_dagster.model.statements import statement
from sparkify_dagster.warehouse.engine import (
    Columns,
    Row,
    Rows,
    Session,
    Values,
    WarehouseMissing,
)

Status = Literal["published", "failed"]
_LONGEST = 4096
"""Bytes that the long texts of `load_history` may have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `load_history`; see `model.ledger`. `suppressed` stands in a row of its own."""

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
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class LoadedObject:
    """An object as it was last loaded; see `load_objects` in `model.ledger`."""

    part: str
    size: int
    token: str
    records: int
    rejects: int


class NextLoad(NamedTuple):
    """Where a load stands among the others.

    Attributes:
        load_id: Its number, greater than those of all that are recorded.
        star_loads: Publications of the star that the history knows; 0: it was never built.
        last_published: The last published load of the same staging table; 0: none was.
        forgotten: Token of the document of forgotten people that was loaded last.
    """

    load_id: int
    star_loads: int
    last_published: int
    forgotten: str


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


def ready_tables(session: Session) -> dict[str, Columns]:
    """The tables that are there, those of staging and the ledger among them.

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
    return there


def next_load(session: Session, target: str) -> NextLoad:
    """What a load that begins must know of those recorded so far.

    Args:
        target: The staging table it loads.
    """
    asked = {"target": target, "suppressed": SUPPRESSED}
    load_id, star_loads, published, forgotten = _ask(session, "next_load", asked)[0]
    return NextLoad(int(load_id), int(star_loads), int(published), forgotten or NOTHING)


def holds(session: Session, load_id: int, run_id: str) -> bool:
    """Whether a run's load of that number was recorded."""
    if "load_history" not in session.tables():
        return False
    return bool(_ask(session, "holds", {"load_id": load_id, "run_id": run_id}))


def latest(session: Session, status: Status = "published") -> list[Entry]:
    """The latest entry of that status for each target and part."""
    names = [c.name for c in TABLES["load_history"].columns if not c.name.endswith("_version")]
    rows = _ask(session, "latest", columns=Names(names), status=Names((status,)))
    return [_entry(record) for record in rows.records()]


def loaded_objects(session: Session, target: str, parts: Sequence[str]) -> dict[str, LoadedObject]:
    """Every object loaded from the given parts, by key."""
    if not parts:
        return {}
    where, values = one_of("o.part", parts)
    rows = _ask(session, "loaded_objects", {"target": target, **values}, where=where)
    return {key: LoadedObject(*rest) for key, *rest in rows}


def parts_below(session: Session, target: str, folders: frozenset[str]) -> dict[str, set[str]]:
    """The parts that hold objects from below any of some folders, and which of these."""
    if not folders:
        return {}
    found: dict[str, set[str]] = {}
    for key, part in _ask(session, "objects_in_folders", {"target": target}):
        above = accumulate(key.split("/")[:-1], lambda folder, name: f"{folder}/{name}")
        if hit := folders.intersection(above):
            found.setdefault(part, set()).update(hit)
    return found


def loaded_records(session: Session, target: str) -> dict[str, tuple[int, int]]:
    """Records and rejects of each part of a staging table, as loaded."""
    rows = _ask(session, "loaded_records", {"target": target})
    return {part: (int(records), int(rejects)) for part, records, rejects in rows}


def blamed(session: Session, target: str) -> dict[str, set[str]]:
    """By part of a staging table, the columns for which records of it were rejected."""
    found: dict[str, set[str]] = {}
    for part, column in _ask(session, "blamed", {"target": target}):
        found.setdefault(part, set()).add(column)
    return found


def reject_reasons(session: Session, target: str, load_id: int | None) -> dict[str, dict[str, int]]:
    """How many published records were rejected for each reason, most first, by log day.

    Args:
        load_id: Only what this load has rejected; None for all that stands.

    Returns:
        By day as `YYYY-MM-DD`; the song catalogue, which has no days, stands under `all`.
    """
    only = "" if load_id is None else f"AND j.load_id = {load_id:d}"
    found: dict[str, dict[str, int]] = {}
    for day, reason, records in _ask(session, "reject_reasons", {"target": target}, only=only):
        found.setdefault(str(day) if day else "all", {})[reason] = int(records)
    return found


def record_design(session: Session) -> None:
    """Notes that tables lie in the cluster as the model says."""
    forget_design(session)
    note = Entry(MODEL, DESIGN, "published", design_version(), row_count=GENERATION)
    record(session, [note], 0, "")


def forget_design(session: Session) -> None:
    """Takes that note away: something lies otherwise, or is about to."""
    remove(session, "load_history", MODEL, "part = $part", {"part": DESIGN})


def record_model(session: Session) -> None:
    """Notes by which generation of the model the tables are, and how those with kept rows are."""
    remove(session, "load_history", MODEL, "part <> $part", {"part": DESIGN})
    entries = [
        Entry(
            MODEL,
            table.name,
            "published",
            model_version(table.name),
            row_count=GENERATION,
            message=json.dumps([[c.name, c.sql_type, c.required, c.source] for c in table.columns]),
        )
        for table in KEPT
    ]
    record(session, entries, 0, "")


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
            model_version(e.target) if e.target in TABLES else "",
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
    before = {"before": now - timedelta(days=keep_days)}
    session.send(_text(session, "prune_rejects", {}), before)
    return session.execute(_text(session, "prune_history", {}), before)


def remove(
    session: Session, table: str, target: str, where: str = "1 = 1", values: Values | None = None
) -> None:
    """Removes what a ledger table holds of a target; only what meets a condition, if one is given.

    Args:
        where: The condition, with the values to bind.
    """
    given = {
        "table": relation(session, table),
        "column": "target_table" if table == "load_rejects" else "target",
        "where": where,
    }
    session.send(_text(session, "remove", given), {"target": target, **(values or {})})


def _ask(session: Session, file: str, values: Values | None = None, **given: Any) -> Rows:
    return session.query(_text(session, file, given), values)


def _text(session: Session, file: str, given: Mapping[str, Any]) -> str:
    return statement(f"ledger/{file}.sql", relations(session.schema), **given)


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST].decode(errors="ignore")


def _entry(row: dict[str, object]) -> Entry:
    unknown = row.pop("unknown_fields")
    return Entry(**row, unknown_fields=json.loads(str(unknown)) if unknown else None)  # type: ignore[arg-type]


def day_or_none(part: str, target: str) -> date | None:
    """The log day a part stands for; None for the song catalogue."""
    return date.fromisoformat(part) if target == STAGING[1].name else None
