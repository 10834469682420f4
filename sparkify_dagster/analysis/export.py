"""The tables as Parquet files in a folder: for Spark, Polars, Athena, a colleague.

What belongs here: which files there are, which need to be written, and how a new state of the
folder takes the place of the old one. In the folder, `current` leads to the state to be read, with
its `manifest.json`; each state is a folder of its own, and what did not change is one file in both.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.core import progress
from sparkify_dagster.core.local_files import OutputError, made_for, replacing
from sparkify_dagster.lake.reader.records import ARROW_TYPES
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import quoted
from sparkify_dagster.model.table import Column, Layer, Table
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.standing import StarPosition, standing

MARKER, CURRENT, MANIFEST = ".sparkify-export", "current", "manifest.json"
EXPORTED = tuple(t for t in TABLES.values() if t.layer is not Layer.LEDGER)
_BY_DAY = "log_date"
_ROW_GROUP = 100_000
_FORMAT = 2
"""Of manifest and files: those of another are made again."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a table.

    Attributes:
        file: Its path below the state's folder.
        log_day: The only log day in it; blank where it is the whole table.
        version: What it was made from; while that is the same, so is the file.
        digest: SHA-256 of its bytes.
    """

    file: str
    log_day: str
    version: str
    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did.

    Attributes:
        state: The folder that `current` leads to.
        written: Files that were written; the others are as they were.
    """

    state: Path
    tables: int
    files: int
    rows: int
    written: tuple[str, ...]


def export(
    warehouse: Warehouse, folder: Path, *, personal: bool = True, shared: bool = False
) -> Exported:
    """Brings a folder up to date with the warehouse, all tables as of one moment.

    Args:
        personal: Write columns with personal data, too.
        shared: The files are everybody's, as the umask says, not their owner's alone.

    Raises:
        OutputError: The folder holds something else, cannot be written, or is being written.
        WarehouseError: The warehouse cannot be read, or nothing was ever loaded.
    """
    try:
        with made_for(all_users=shared), _locked(folder):
            before = _manifest(folder)
            made = folder / f"state-{uuid4().hex[:12]}"
            _clear(folder, keep={os.path.basename(os.path.realpath(folder / CURRENT))})
            try:
                tables = warehouse.read_only(lambda s: _written(s, made, folder, before, personal))
                done = _published(folder, made, before, tables, warehouse)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
            return done
    except OSError as error:
        said = error.strerror or error
        raise OutputError(f"{error.filename or folder}: cannot be written ({said}).") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Makes the folder ours, for as long as the block takes or the process lives."""
    marker = folder / MARKER
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise OutputError(
            f"{folder}: holds something that is no export; name a new or an empty folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"{folder}: another export is writing it. Try again when it is done."
            ) from None
        yield


def _manifest(folder: Path) -> dict[str, Any]:
    """What `current` says of itself; nothing where there is none, or of another format."""
    try:
        said = dict(json.loads((folder / CURRENT / MANIFEST).read_text(encoding="utf-8")))
        return said if said.get("format") == _FORMAT else {}
    except FileNotFoundError:
        return {}
    except ValueError:
        raise OutputError(
            f"{folder / CURRENT / MANIFEST}: cannot be read. Remove the folder; it is made anew."
        ) from None


def _clear(folder: Path, keep: set[str]) -> None:
    """Removes states that nobody is led to: older ones, and those of exports that were killed."""
    for state in folder.glob("state-*"):
        if state.name not in keep:
            shutil.rmtree(state)


def _written(
    session: Session, made: Path, folder: Path, before: Mapping[str, Any], personal: bool
) -> list[dict[str, Any]]:
    """Writes every table's files, or takes them from the state before; one entry a table."""
    ledger.ready_tables(session)
    shutil.rmtree(made, ignore_errors=True)  # Of a try whose connection broke.
    known = {table["name"]: table for table in before.get("tables", ())}
    positions = standing(session).positions(EXPORTED)
    found = []
    for number, table in enumerate(EXPORTED):
        progress.report(f"exporting: {table.name}", number, len(EXPORTED))
        columns = [c for c in table.columns if personal or not c.personal]
        said = [{"name": c.name, "type": c.sql_type, "personal": bool(c.personal)} for c in columns]
        if not columns:
            continue
        old = known.get(table.name, {})
        same = old.get("columns") == said
        parts = {p["log_day"]: Part(**p) for p in old.get("parts", ())} if same else {}
        versions = _versions(session, table, positions[table.name])
        new = _parts(session, table, columns, versions, made, folder, parts)
        found.append(
            {
                "name": table.name,
                "layer": table.layer.value,
                "meaning": table.meaning,
                "rows": sum(part.rows for part in new),
                "columns": said,
                "parts": [asdict(part) for part in new],
            }
        )
    return found


def _versions(session: Session, table: Table, position: StarPosition) -> dict[str, str]:
    """What each part of a table is made from, by its log day; blank for the whole table."""
    relation = ledger.relation(session, table.name)
    made_from = f"{position.load_id} {position.version}"
    by_day = _BY_DAY in table.column_names
    day = f"t.{_BY_DAY}" if by_day else "NULL"
    last = "MAX(t.load_id)" if table in STAGING else "0"
    group = f" GROUP BY t.{_BY_DAY} ORDER BY t.{_BY_DAY}" if by_day else ""
    return {
        str(on or ""): f"load {load}, {rows} rows" if table in STAGING else made_from
        for on, load, rows in session.query(
            f"SELECT {day} AS log_day, {last} AS load_id, COUNT(*) AS row_count "
            f"FROM {relation} AS t{group}"
        )
    }


def _parts(
    session: Session,
    table: Table,
    columns: Sequence[Column],
    versions: Mapping[str, str],
    made: Path,
    folder: Path,
    before: Mapping[str, Part],
) -> list[Part]:
    """The files of a table; those before stay where they were made from the same or hold the same.

    All that may have changed is asked for in one statement: each takes Redshift some seconds.
    """
    (made / table.name).mkdir(parents=True)
    schema = pa.schema([(c.name, ARROW_TYPES[c.type]) for c in columns])

    def linked(old: Part) -> Part:
        _linked(folder / CURRENT / old.file, made / old.file)
        return old

    def part(day: str, rows: pa.Table) -> Part:
        data = _parquet(rows.cast(schema) if rows.num_rows else schema.empty_table())
        digest, old = hashlib.sha256(data).hexdigest(), before.get(day)
        file = f"{table.name}/{day or table.name}.parquet"
        if old and old.digest == digest:
            linked(old)
        else:
            (made / file).write_bytes(data)
        return Part(file, day, versions[day], rows.num_rows, len(data), digest)

    found = {d: linked(old) for d, old in before.items() if old.version == versions.get(d)}
    days = [day for day in versions if day not in found]
    if days:
        found |= session.unload(
            _select(session, table, columns, days if found else ()),
            lambda reader: {day: part(day, rows) for day, rows in _by_day(reader, days)},
        )
    return [found[day] for day in versions]


def _select(session: Session, table: Table, columns: Sequence[Column], days: Sequence[str]) -> str:
    """The rows of some log days, or all of them, day by day."""
    names = ", ".join(quoted(c.name) for c in columns)
    order = sorted(table.column_names, key=lambda name: name != _BY_DAY)
    listed = ", ".join(f"DATE '{day}'" for day in days)
    where = f" WHERE {_BY_DAY} IN ({listed})" if days else ""
    return (
        f"SELECT {names} FROM {ledger.relation(session, table.name)}{where} "
        f"ORDER BY {', '.join(map(quoted, order))}"
    )


def _by_day(reader: pa.RecordBatchReader, days: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each log day, one day in memory at a time; or the whole table."""
    if "" in days:
        yield "", reader.read_all()
        return

    def runs() -> Iterator[tuple[object, pa.RecordBatch]]:
        for batch in reader:
            found = pc.run_end_encode(batch.column(_BY_DAY))
            ends = found.run_ends.to_pylist()
            for day, start, end in zip(found.values.to_pylist(), [0, *ends], ends, strict=False):
                yield day, batch.slice(start, end - start)

    for day, parts in groupby(runs(), key=itemgetter(0)):
        yield str(day), pa.Table.from_batches([rows for _, rows in parts])


def _parquet(rows: pa.Table) -> pa.Buffer:
    """The same bytes for the same rows, however they came."""
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(rows.combine_chunks(), sink, compression="zstd", row_group_size=_ROW_GROUP)
    return sink.getvalue()


def _linked(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:  # A file system that knows no second name for a file.
        shutil.copyfile(old, new)


def _published(
    folder: Path,
    made: Path,
    before: Mapping[str, Any],
    tables: list[dict[str, Any]],
    warehouse: Warehouse,
) -> Exported:
    """Leads `current` to the new state, if anything of it is new; older ones but the last go."""
    old = {p["file"]: p["digest"] for t in before.get("tables", ()) for p in t["parts"]}
    new = {p["file"]: p["digest"] for t in tables for p in t["parts"]}
    written = tuple(file for file, digest in new.items() if old.get(file) != digest)
    counts = len(tables), len(new), sum(table["rows"] for table in tables)
    last = Path(os.path.realpath(folder / CURRENT))
    if before.get("tables") == tables:
        shutil.rmtree(made)
        return Exported(last, *counts, ())
    said = {
        "format": _FORMAT,
        "made_at": f"{ledger.utc_now().isoformat(timespec='seconds')}Z",
        "warehouse": warehouse.location,
        "engine": warehouse.engine,
        "schema": warehouse.schema,
        "tables": tables,
    }
    (made / MANIFEST).write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
    with replacing(folder / CURRENT) as pointer:
        pointer.symlink_to(made.name)
    _clear(folder, keep={made.name, last.name})
    return Exported(made, *counts, written)
